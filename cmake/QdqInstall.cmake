# What is installed, and the files by which the installed tree is found. All of them say paths relative to themselves, so
# that the tree can be moved.
include(CMakePackageConfigHelpers)

set(config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/qdq")
configure_package_config_file(cmake/qdqConfig.cmake.in qdqConfig.cmake INSTALL_DESTINATION "${config_folder}"
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(qdqConfigVersion.cmake COMPATIBILITY ${compatibility})
install(FILES "${PROJECT_BINARY_DIR}/qdqConfig.cmake" "${PROJECT_BINARY_DIR}/qdqConfigVersion.cmake"
    "${PROJECT_BINARY_DIR}/qdqTargets.cmake" cmake/qdqTensorRT.cmake cmake/FindTensorRT.cmake
    DESTINATION "${config_folder}")

set(pc_folder "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH QDQ_PC_PREFIX "${pc_folder}" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" QDQ_PC_PREFIX "${QDQ_PC_PREFIX}")
file(RELATIVE_PATH QDQ_PC_INCLUDEDIR "${pc_folder}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
list(TRANSFORM QDQ_NATIVE_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE QDQ_PC_NATIVE)
list(JOIN QDQ_PC_NATIVE " " QDQ_PC_NATIVE)
set(QDQ_PC_LIBS "-lqdq")
if(NOT QDQ_BUILD_SHARED)
    # Nothing but the static library can be meant then.
    set(QDQ_PC_LIBS "-lqdq ${QDQ_PC_NATIVE}")
endif()
configure_file(cmake/qdq.pc.in qdq.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/qdq.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

if(QDQ_BUILD_SHARED)
    install(PROGRAMS "${qdq_LIBRARY_DIR}/${full_name}" "${qdq_LIBRARY_DIR}/${QDQ_SONAME}" "${qdq_LIBRARY_DIR}/libqdq.so"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
if(QDQ_BUILD_STATIC)
    install(FILES "${QDQ_CARGO_OUTPUT}/libqdq.a" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
foreach(folder IN LISTS qdq_INCLUDE_DIRS)
    install(DIRECTORY "${folder}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
endforeach()

if(QDQ_BUILD_TOOL)
    install(PROGRAMS "${QDQ_CARGO_OUTPUT}/qdq" DESTINATION "${CMAKE_INSTALL_BINDIR}")
    install(DIRECTORY share/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}")
    install(DIRECTORY share/bash-completion share/fish share/zsh DESTINATION "${CMAKE_INSTALL_DATADIR}")
endif()
install(FILES README.md CHANGELOG.md LICENSE THIRD_PARTY_LICENSES.txt DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs examples DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# Only if `make reference` ran before.
install(DIRECTORY target/reference/html/ DESTINATION "${CMAKE_INSTALL_DOCDIR}/reference" OPTIONAL)
