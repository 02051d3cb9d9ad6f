# Gives qdq::tensorrt the include folders of TensorRT, where its headers are found. Without them the target is as good for a
# program that states the folders itself; QDQ_FIND_TENSORRT=OFF leaves even the search to the program.
set(qdq_tensorrt_FOUND FALSE)
if(NOT DEFINED QDQ_FIND_TENSORRT OR QDQ_FIND_TENSORRT)
    set(_qdq_module_path "${CMAKE_MODULE_PATH}")
    set(CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
    find_package(TensorRT QUIET MODULE COMPONENTS headers)
    set(CMAKE_MODULE_PATH "${_qdq_module_path}")
    unset(_qdq_module_path)
    if(TensorRT_FOUND)
        set(qdq_tensorrt_FOUND TRUE)
        # The folders and not TensorRT::headers: that target ends with the folder of the project that found it.
        set_target_properties(qdq::tensorrt PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${TensorRT_INCLUDE_DIRS}")
    endif()
endif()
