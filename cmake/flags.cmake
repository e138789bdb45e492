# sluice::build_flags carries what every target of ours is compiled and linked with.
add_library(sluice_build_flags INTERFACE)
add_library(sluice::build_flags ALIAS sluice_build_flags)

target_include_directories(sluice_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(sluice_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Werror)

# Beast's chunked reader asserts on legal input that arrives in small pieces, so its asserts stay off
# in every build; ours are plain assert().
target_compile_definitions(sluice_build_flags INTERFACE BOOST_DISABLE_ASSERTS)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(sluice_build_flags INTERFACE
    # False with coroutine frames: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=103993
    -Wno-mismatched-new-delete
    # False around std::optional and awaitable: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105562
    -Wno-maybe-uninitialized
    # False around std::string: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=109299
    -Wno-stringop-overflow -Wno-array-bounds
    # The same: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651
    -Wno-restrict)
endif()

# Hardening. _FORTIFY_SOURCE needs optimisation and does not mix with the sanitizers.
target_compile_options(sluice_build_flags INTERFACE
  -fstack-protector-strong $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection> -fcf-protection)
target_compile_definitions(sluice_build_flags INTERFACE _GLIBCXX_ASSERTIONS)
if(NOT SLUICE_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(sluice_build_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(sluice_build_flags INTERFACE -Wl,-z,relro,-z,now)
include(CheckPIESupported)
check_pie_supported()

if(SLUICE_SANITIZE)
  target_compile_options(sluice_build_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
    # It looks at memory through a pipe, and takes a good object for a bad one when the process has
    # no descriptor left for that, as in a test of ours.
    -fno-sanitize=vptr)
  target_link_options(sluice_build_flags INTERFACE -fsanitize=address,undefined)
endif()

# Line tables are enough for a useful backtrace and halve the size of a build.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "${SLUICE_OPTIMISE} -g1")
# -O3 gains nothing measurable here, costs build time, and GCC 12 then warns of copies that cannot happen.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
