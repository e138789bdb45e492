"""A worker in Python: fetches with a long poll, beats from a thread, drains on SIGTERM."""
import json, os, signal, threading, time, urllib.error, urllib.request, uuid

URL = os.environ.get("SLUICE_URL", "http://127.0.0.1:8080") + "/ojs/v1/workers/"
ME, LEASE_MS = f"python-{uuid.uuid4()}", 60_000
held, leaving = {}, threading.Event()

def call(what, **body):
    """The answer, after as many tries as it takes; None when the server refuses for good."""
    while True:
        request = urllib.request.Request(URL + what, json.dumps({"worker_id": ME, **body}).encode(), {
            "Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("SLUICE_TOKEN", "")})
        try:
            return json.load(urllib.request.urlopen(request, timeout=60))
        except urllib.error.HTTPError as e:
            if e.code < 500 and e.code != 429:
                return print(what, e.code, e.read().decode())  # such as a lost lease: no answer counts
        except OSError as e:
            print(what, e)
        time.sleep(1)

def beat():
    while True:
        call("heartbeat", state="quiet" if leaving.is_set() else "running", active_jobs=list(held.values()))
        time.sleep(LEASE_MS / 3000)

def square(n):
    return n * n

signal.signal(signal.SIGTERM, lambda *_: leaving.set())
threading.Thread(target=beat, daemon=True).start()
while not leaving.is_set():
    answer = call("fetch", queues=["numbers"], types=["number.square"], wait_ms=1000, visibility_timeout_ms=LEASE_MS)
    for job in (answer or exit(1))["jobs"]:
        claim = held[job["id"]] = {"job_id": job["id"], "lease": job["lease"]}
        try:
            call("ack", **claim, result=square(*job["args"]))
        except Exception as e:
            call("nack", **claim, error={"code": type(e).__name__, "message": str(e)})
        del held[job["id"]]
