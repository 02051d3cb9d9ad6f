# Runs cargo: the target qdq_cargo, which leaves the libraries under their installed names in qdq_LIBRARY_DIR and the tool
# in QDQ_CARGO_OUTPUT.

set(QDQ_CARGO_PROFILE release CACHE STRING "cargo's profile: release, dev, or one of your own")
set(QDQ_CARGO_FEATURES embedded-runtime images onnxruntime recover CACHE STRING
    "Parts of the library, separated by semicolons: cargo features; what is left out makes it smaller")
option(QDQ_TENSORRT "Let the tool build engines: compile against TensorRT's headers, which FindTensorRT looks for" OFF)
set(QDQ_CARGO_FLAGS "--locked" CACHE STRING "Further arguments of cargo build, separated by semicolons")
set(QDQ_CARGO_TARGET "$ENV{CARGO_BUILD_TARGET}" CACHE STRING
    "What Rust calls the machine to build for, such as aarch64-unknown-linux-gnu; empty: by CMAKE_SYSTEM_PROCESSOR")

find_program(QDQ_CARGO cargo HINTS ENV CARGO_HOME "$ENV{HOME}/.cargo" PATH_SUFFIXES bin NO_CMAKE_FIND_ROOT_PATH
    DOC "The program cargo")
if(NOT QDQ_CARGO)
    message(FATAL_ERROR "qdq is built by cargo, which was found neither on the PATH nor in ~/.cargo/bin. "
        "Install Rust ${cargo_rust-version} or newer (https://rustup.rs), or set QDQ_CARGO to the program.")
endif()
execute_process(COMMAND "${QDQ_CARGO}" --version WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE answer ERROR_VARIABLE problem RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT answer MATCHES "^cargo ([0-9.]+)")
    message(FATAL_ERROR "'${QDQ_CARGO} --version' does not tell its version: ${answer}${problem}\n"
        "Repair the Rust installation, or set QDQ_CARGO to a cargo that works.")
elseif(CMAKE_MATCH_1 VERSION_LESS cargo_rust-version)
    message(FATAL_ERROR "qdq needs Rust ${cargo_rust-version} or newer, and ${QDQ_CARGO} is version ${CMAKE_MATCH_1}. "
        "Update it ('rustup update'), or set QDQ_CARGO to a newer one.")
endif()

# What to build for. Nothing is said for this very machine: cargo's output then lies where cargo itself would put it.
set(triple "${QDQ_CARGO_TARGET}")
if(CMAKE_CROSSCOMPILING AND NOT triple)
    set(triple_x86_64 x86_64-unknown-linux-gnu)
    set(triple_aarch64 aarch64-unknown-linux-gnu)
    set(triple "${triple_${CMAKE_SYSTEM_PROCESSOR}}")
    if(NOT triple)
        message(FATAL_ERROR "Which Rust target CMAKE_SYSTEM_PROCESSOR='${CMAKE_SYSTEM_PROCESSOR}' means is not known. "
            "Set QDQ_CARGO_TARGET; 'rustc --print target-list' lists them.")
    endif()
endif()

set(environment --unset=CARGO_BUILD_TARGET)
# What cargo builds by default is the tool, with crates that no library needs.
set(arguments --lib --no-default-features ${QDQ_CARGO_FLAGS})
set(features ${QDQ_CARGO_FEATURES})
if(QDQ_BUILD_TOOL)
    list(APPEND arguments --bin qdq)
    list(APPEND features tool)
endif()
if(QDQ_TENSORRT)
    list(APPEND CMAKE_MODULE_PATH "${PROJECT_SOURCE_DIR}/cmake")
    find_package(TensorRT REQUIRED MODULE COMPONENTS headers)
    list(APPEND features tensorrt)
    list(APPEND QDQ_NATIVE_LIBRARIES stdc++)
    string(REPLACE ";" ":" folders "${TensorRT_INCLUDE_DIRS}")
    list(APPEND environment "QDQ_TENSORRT_INCLUDE=${folders}")
endif()
if(features)
    string(REPLACE ";" "," features "${features}")
    list(APPEND arguments --features "${features}")
endif()
if(triple)
    list(APPEND arguments --target "${triple}")
endif()
if(CMAKE_CROSSCOMPILING)
    string(TOUPPER "${triple}" name)
    string(REPLACE "-" "_" name "${name}")
    list(APPEND environment "CARGO_TARGET_${name}_LINKER=${CMAKE_C_COMPILER}")
endif()

# A folder that the user shares between builds stays shared.
set(folder "${PROJECT_BINARY_DIR}/cargo")
if(NOT "$ENV{CARGO_TARGET_DIR}" STREQUAL "")
    get_filename_component(folder "$ENV{CARGO_TARGET_DIR}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
endif()
set(QDQ_CARGO_TARGET_DIR "${folder}" CACHE PATH "Where cargo builds; CARGO_TARGET_DIR where that is set")
set(profile_folder "${QDQ_CARGO_PROFILE}")
if(profile_folder STREQUAL "dev")
    set(profile_folder debug)
endif()
get_filename_component(QDQ_CARGO_OUTPUT "${QDQ_CARGO_TARGET_DIR}/${triple}/${profile_folder}" ABSOLUTE)

# A program that is linked with cargo's libqdq.so looks for its SONAME, which cargo makes no file of. The shared library is
# copied, so that a project that installs its run-time files gets it and not a link into the build tree.
set(qdq_LIBRARY_DIR "${PROJECT_BINARY_DIR}/lib")
set(full_name "libqdq.so.${PROJECT_VERSION}")
file(MAKE_DIRECTORY "${qdq_LIBRARY_DIR}")

# Cargo decides what there is to do, so this always runs; one run for everything, since two would wait for each other.
set(products "${qdq_LIBRARY_DIR}/${full_name}" "${qdq_LIBRARY_DIR}/libqdq.a")
set(in_all)
if(QDQ_INSTALL)
    set(in_all ALL)
endif()
add_custom_target(qdq_cargo ${in_all}
    COMMAND "${CMAKE_COMMAND}" -E env ${environment} "${QDQ_CARGO}" build --profile "${QDQ_CARGO_PROFILE}"
        --target-dir "${QDQ_CARGO_TARGET_DIR}" ${arguments}
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${QDQ_CARGO_OUTPUT}/libqdq.so" "${qdq_LIBRARY_DIR}/${full_name}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "${full_name}" "${qdq_LIBRARY_DIR}/${QDQ_SONAME}"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "${QDQ_SONAME}" "${qdq_LIBRARY_DIR}/libqdq.so"
    COMMAND "${CMAKE_COMMAND}" -E create_symlink "${QDQ_CARGO_OUTPUT}/libqdq.a" "${qdq_LIBRARY_DIR}/libqdq.a"
    BYPRODUCTS ${products}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building qdq with cargo (${QDQ_CARGO_PROFILE})"
    USES_TERMINAL VERBATIM)
