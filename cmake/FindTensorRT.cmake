# Finds TensorRT 7 to 11 or TensorRT-RTX: an unpacked archive, the system's packages, or the libraries in a Python package.
#
#   list(APPEND CMAKE_MODULE_PATH "${qdq_DIR}")    # after find_package(qdq), which installs this file
#   find_package(TensorRT 8.5 REQUIRED COMPONENTS nvinfer nvonnxparser)
#   target_link_libraries(program PRIVATE TensorRT::nvonnxparser)
#
# Components; without any, nvinfer is wanted, and the others have their targets where they are there:
#   headers          the headers and nothing else: libraries are opened at run time, or are not on this machine
#   nvinfer          headers and the library itself
#   nvonnxparser     headers and the parser of ONNX models
#   nvinfer_plugin   headers and the plugins (TensorRT-RTX has none)
#   libraries        nvinfer without headers, which is what the Python packages offer
#   rtx              what is found must be TensorRT-RTX; with other components
#
# Where it looks: TensorRT_ROOT or TENSORRT_ROOT, as variables or in the environment, then where the system has its
# libraries. A root is an unpacked archive, a folder with the headers in it, a Python environment, or the folder of the
# Python package (tensorrt_libs, tensorrt_rtx_libs). TensorRT_INCLUDE_DIR, TensorRT_NVINFER_LIBRARY,
# TensorRT_NVONNXPARSER_LIBRARY and TensorRT_NVINFER_PLUGIN_LIBRARY state a place themselves, so that headers and libraries
# may come from different ones.
#
# Sets TensorRT_FOUND; TensorRT_VERSION with TensorRT_VERSION_MAJOR, _MINOR and _PATCH, from the headers (without them only
# what the name of the library says); TensorRT_RTX; TensorRT_INCLUDE_DIRS; TensorRT_LIBRARIES; and the targets
# TensorRT::headers, TensorRT::nvinfer, TensorRT::nvonnxparser, TensorRT::nvinfer_plugin, by the same names for both.
#
# TensorRT's headers include CUDA's <cuda_runtime_api.h> from version 8 on. Its folder, TensorRT_CUDA_INCLUDE_DIR, goes into
# TensorRT_INCLUDE_DIRS where it is found.

set(_trt_roots "")
foreach(_trt_root IN ITEMS "${TensorRT_ROOT}" "${TENSORRT_ROOT}" "$ENV{TensorRT_ROOT}" "$ENV{TENSORRT_ROOT}")
    if(_trt_root)
        file(TO_CMAKE_PATH "${_trt_root}" _trt_root)
        file(GLOB _trt_packages LIST_DIRECTORIES true "${_trt_root}/lib/python3*/site-packages")
        list(APPEND _trt_roots "${_trt_root}" ${_trt_packages})
    endif()
endforeach()

# Optional components do not decide.
set(_trt_components "")
foreach(_trt_component IN LISTS TensorRT_FIND_COMPONENTS)
    if(TensorRT_FIND_REQUIRED_${_trt_component})
        list(APPEND _trt_components "${_trt_component}")
    endif()
endforeach()
if(NOT _trt_components OR _trt_components STREQUAL "rtx")
    list(APPEND _trt_components nvinfer)
endif()

# Headers, and by them the version and which of the two it is.

find_path(TensorRT_INCLUDE_DIR NvInferVersion.h
    HINTS ${_trt_roots}
    PATH_SUFFIXES include "targets/${CMAKE_LIBRARY_ARCHITECTURE}/include" "include/${CMAKE_LIBRARY_ARCHITECTURE}"
    DOC "The folder of NvInfer.h")
find_path(TensorRT_CUDA_INCLUDE_DIR cuda_runtime_api.h
    HINTS "${TensorRT_INCLUDE_DIR}" "${TensorRT_INCLUDE_DIR}/.." ${CUDAToolkit_INCLUDE_DIRS} ${CUDAToolkit_ROOT} ${CUDA_HOME}
        ENV CUDA_PATH ENV CUDA_HOME
    PATHS /usr/local/cuda
    PATH_SUFFIXES include
    DOC "The folder of CUDA's cuda_runtime_api.h")
mark_as_advanced(TensorRT_INCLUDE_DIR TensorRT_CUDA_INCLUDE_DIR)

set(_trt_reasons "")
set(TensorRT_VERSION "")
set(TensorRT_RTX FALSE)
if(TensorRT_INCLUDE_DIR AND EXISTS "${TensorRT_INCLUDE_DIR}/NvInferVersion.h")
    file(STRINGS "${TensorRT_INCLUDE_DIR}/NvInferVersion.h" _trt_lines REGEX "^#define ")
    foreach(_trt_part MAJOR MINOR PATCH)
        set(TensorRT_VERSION_${_trt_part} "")
        # Either a number or, from 11 on and in TensorRT-RTX, the name of the macro that is one.
        set(_trt_name "NV_TENSORRT_${_trt_part}")
        foreach(_trt_step 1 2)
            foreach(_trt_line IN LISTS _trt_lines)
                if(_trt_line MATCHES "^#define +${_trt_name} +([A-Za-z0-9_]+)")
                    set(TensorRT_VERSION_${_trt_part} "${CMAKE_MATCH_1}")
                endif()
            endforeach()
            if(TensorRT_VERSION_${_trt_part} MATCHES "_RTX$")
                set(TensorRT_RTX TRUE)
            endif()
            set(_trt_name "${TensorRT_VERSION_${_trt_part}}")
        endforeach()
    endforeach()
    set(TensorRT_VERSION "${TensorRT_VERSION_MAJOR}.${TensorRT_VERSION_MINOR}.${TensorRT_VERSION_PATCH}")
    if(NOT TensorRT_VERSION MATCHES "^[0-9]+\\.[0-9]+\\.[0-9]+$")
        string(APPEND _trt_reasons " ${TensorRT_INCLUDE_DIR}/NvInferVersion.h states no version.")
        set(TensorRT_INCLUDE_DIR TensorRT_INCLUDE_DIR-NOTFOUND)
        set(TensorRT_VERSION "")
    endif()
elseif("rtx" IN_LIST _trt_components)
    set(TensorRT_RTX TRUE)
endif()

# Libraries. A Python package has them only under the name that carries the major version.

if(TensorRT_RTX)
    set(_trt_nvinfer tensorrt_rtx)
    set(_trt_nvonnxparser tensorrt_onnxparser_rtx)
    set(_trt_nvinfer_plugin "")
    set(_trt_majors 1)
else()
    set(_trt_nvinfer nvinfer)
    set(_trt_nvonnxparser nvonnxparser)
    set(_trt_nvinfer_plugin nvinfer_plugin)
    set(_trt_majors 11 10 9 8 7)
endif()
if(TensorRT_VERSION)
    set(_trt_majors ${TensorRT_VERSION_MAJOR})
endif()
foreach(_trt_component nvinfer nvonnxparser nvinfer_plugin)
    string(TOUPPER "${_trt_component}" _trt_upper)
    set(_trt_names ${_trt_${_trt_component}})
    if(_trt_names)
        foreach(_trt_major IN LISTS _trt_majors)
            list(APPEND _trt_names "lib${_trt_${_trt_component}}.so.${_trt_major}")
        endforeach()
        find_library(TensorRT_${_trt_upper}_LIBRARY NAMES ${_trt_names}
            HINTS ${_trt_roots}
            PATH_SUFFIXES lib lib64 "targets/${CMAKE_LIBRARY_ARCHITECTURE}/lib" "lib/${CMAKE_LIBRARY_ARCHITECTURE}"
                tensorrt_libs tensorrt_rtx_libs
            DOC "TensorRT's ${_trt_component}")
        mark_as_advanced(TensorRT_${_trt_upper}_LIBRARY)
    endif()
endforeach()

if(NOT TensorRT_VERSION AND TensorRT_NVINFER_LIBRARY)
    get_filename_component(_trt_file "${TensorRT_NVINFER_LIBRARY}" REALPATH)
    if(_trt_file MATCHES "\\.so\\.([0-9]+(\\.[0-9]+)*)$")
        set(TensorRT_VERSION "${CMAKE_MATCH_1}")
        string(REGEX MATCH "^[0-9]+" TensorRT_VERSION_MAJOR "${TensorRT_VERSION}")
    endif()
endif()

# What is there.

set(TensorRT_headers_FOUND FALSE)
set(TensorRT_libraries_FOUND FALSE)
set(TensorRT_rtx_FOUND "${TensorRT_RTX}")
if(TensorRT_INCLUDE_DIR)
    set(TensorRT_headers_FOUND TRUE)
endif()
if(TensorRT_NVINFER_LIBRARY)
    set(TensorRT_libraries_FOUND TRUE)
endif()
set(_trt_required "")
foreach(_trt_component nvinfer nvonnxparser nvinfer_plugin)
    string(TOUPPER "${_trt_component}" _trt_upper)
    set(TensorRT_${_trt_component}_FOUND FALSE)
    if(TensorRT_INCLUDE_DIR AND TensorRT_NVINFER_LIBRARY AND TensorRT_${_trt_upper}_LIBRARY)
        set(TensorRT_${_trt_component}_FOUND TRUE)
    endif()
endforeach()
foreach(_trt_component IN LISTS _trt_components)
    string(TOUPPER "${_trt_component}" _trt_upper)
    if(_trt_component STREQUAL "headers")
        list(APPEND _trt_required TensorRT_INCLUDE_DIR)
    elseif(_trt_component STREQUAL "libraries")
        list(APPEND _trt_required TensorRT_NVINFER_LIBRARY)
    elseif(_trt_component MATCHES "^(nvinfer|nvonnxparser|nvinfer_plugin)$")
        list(APPEND _trt_required TensorRT_INCLUDE_DIR TensorRT_NVINFER_LIBRARY TensorRT_${_trt_upper}_LIBRARY)
    elseif(NOT _trt_component STREQUAL "rtx")
        string(APPEND _trt_reasons " There is no component ${_trt_component}.")
    elseif(NOT TensorRT_RTX)
        string(APPEND _trt_reasons " The headers in ${TensorRT_INCLUDE_DIR} are TensorRT's, not TensorRT-RTX's.")
    endif()
endforeach()
list(REMOVE_DUPLICATES _trt_required)
if(NOT TensorRT_INCLUDE_DIR AND TensorRT_NVINFER_LIBRARY)
    string(APPEND _trt_reasons " ${TensorRT_NVINFER_LIBRARY} has no headers beside it (a Python package never has): set "
        "TensorRT_INCLUDE_DIR to the folder of NvInfer.h, or ask for the component libraries.")
elseif(NOT TensorRT_INCLUDE_DIR)
    string(APPEND _trt_reasons " Set TensorRT_ROOT to where TensorRT is unpacked.")
elseif(NOT TensorRT_NVINFER_LIBRARY)
    string(APPEND _trt_reasons " There are headers in ${TensorRT_INCLUDE_DIR} and no library for them. The component headers "
        "asks for headers only.")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TensorRT
    REQUIRED_VARS ${_trt_required}
    VERSION_VAR TensorRT_VERSION
    HANDLE_COMPONENTS
    REASON_FAILURE_MESSAGE "${_trt_reasons}")

# Targets. They are the same on every call, so a later one adds only what is missing.

if(TensorRT_FOUND)
    set(TensorRT_INCLUDE_DIRS "")
    if(TensorRT_INCLUDE_DIR)
        set(TensorRT_INCLUDE_DIRS "${TensorRT_INCLUDE_DIR}")
        if(TensorRT_CUDA_INCLUDE_DIR AND NOT TensorRT_CUDA_INCLUDE_DIR STREQUAL TensorRT_INCLUDE_DIR)
            list(APPEND TensorRT_INCLUDE_DIRS "${TensorRT_CUDA_INCLUDE_DIR}")
        endif()
        if(NOT TARGET TensorRT::headers)
            add_library(TensorRT::headers INTERFACE IMPORTED)
            set_target_properties(TensorRT::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${TensorRT_INCLUDE_DIRS}")
        endif()
    endif()
    set(TensorRT_LIBRARIES "")
    foreach(_trt_component nvinfer nvonnxparser nvinfer_plugin)
        string(TOUPPER "${_trt_component}" _trt_upper)
        set(_trt_library "${TensorRT_${_trt_upper}_LIBRARY}")
        if(NOT _trt_library OR NOT TensorRT_NVINFER_LIBRARY)
            continue()
        endif()
        list(APPEND TensorRT_LIBRARIES "${_trt_library}")
        if(NOT TARGET TensorRT::${_trt_component})
            add_library(TensorRT::${_trt_component} UNKNOWN IMPORTED)
            set_target_properties(TensorRT::${_trt_component} PROPERTIES IMPORTED_LOCATION "${_trt_library}")
            if(TARGET TensorRT::headers)
                target_link_libraries(TensorRT::${_trt_component} INTERFACE TensorRT::headers)
            endif()
            if(NOT _trt_component STREQUAL "nvinfer")
                target_link_libraries(TensorRT::${_trt_component} INTERFACE TensorRT::nvinfer)
            endif()
        endif()
    endforeach()
endif()

foreach(_trt_temporary root roots packages components lines part name step line names major majors file required reasons
        upper library component nvinfer nvonnxparser nvinfer_plugin)
    unset(_trt_${_trt_temporary})
endforeach()
unset(_trt_temporary)
