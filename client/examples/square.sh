#!/bin/sh
# A command for each job: sluice work -q numbers -t number.square -- ./square.sh
# The job comes on standard input, what is printed is the result, exit code 65 is "never again".
number=$(sed -n 's/.*"args":\[\(-\{0,1\}[0-9]\{1,9\}\)\].*/\1/p')
if [ -z "$number" ]; then
    echo "args[0] must be a whole number" >&2
    exit 65
fi
echo '{"progress":0.5,"message":"half way"}' >&3
echo $((number * number))
