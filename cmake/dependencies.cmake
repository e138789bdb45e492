find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS system url)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(mimalloc 2.0 REQUIRED)
find_package(date 3.0.1 REQUIRED)
# Debian's own interpreter: python3-yaml belongs to it, not to one that comes first in PATH.
find_program(SLUICE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

# Asio and Beast are compiled once, here, and nowhere else.
add_library(sluice_asio STATIC ${PROJECT_SOURCE_DIR}/cmake/asio.cpp)
add_library(sluice::asio ALIAS sluice_asio)
target_compile_definitions(sluice_asio PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  BOOST_ALLOW_DEPRECATED_HEADERS)
target_link_libraries(sluice_asio PUBLIC Boost::system Threads::Threads PRIVATE sluice::build_flags)
# GCC 12 warns about Asio's own fences under ThreadSanitizer and nothing else in this file is ours.
set_source_files_properties(${PROJECT_SOURCE_DIR}/cmake/asio.cpp PROPERTIES COMPILE_OPTIONS "-w")
target_precompile_headers(sluice_asio PRIVATE ${PROJECT_SOURCE_DIR}/cmake/asio_pch.hpp)

# Asio's TLS, apart: not every program needs OpenSSL.
add_library(sluice_asio_ssl STATIC ${PROJECT_SOURCE_DIR}/cmake/asio_ssl.cpp)
add_library(sluice::asio_ssl ALIAS sluice_asio_ssl)
target_link_libraries(sluice_asio_ssl PUBLIC sluice_asio OpenSSL::SSL PRIVATE sluice::build_flags)
set_source_files_properties(${PROJECT_SOURCE_DIR}/cmake/asio_ssl.cpp PROPERTIES COMPILE_OPTIONS "-w")

# Compiles the files of a target six at a time: what they include, and the templates of that, are most
# of the work. Names in unnamed namespaces must differ within the target, then.
function(sluice_unity target)
  if(NOT SLUICE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)  # it looks at the name of the file
endfunction()

# A library of ours. USES_ASIO shares the precompiled Asio and Beast headers; UNITY is for many files.
function(sluice_library name)
  cmake_parse_arguments(ARG "USES_ASIO;UNITY" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(sluice_${name} STATIC ${ARG_SOURCES})
  add_library(sluice::${name} ALIAS sluice_${name})
  target_link_libraries(sluice_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE} sluice::build_flags)
  target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  if(ARG_USES_ASIO)
    target_link_libraries(sluice_${name} PUBLIC sluice::asio)
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_asio)
  endif()
  if(ARG_UNITY)
    sluice_unity(sluice_${name})
  endif()
endfunction()

# It comes with a pkg-config file only.
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
add_library(utf8proc::utf8proc UNKNOWN IMPORTED)
set_target_properties(utf8proc::utf8proc PROPERTIES
  IMPORTED_LOCATION ${UTF8PROC_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${UTF8PROC_INCLUDE_DIR})
