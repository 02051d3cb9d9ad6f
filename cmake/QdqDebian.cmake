# cpack runs this on the tree before it packs it: where Debian wants something elsewhere than everybody else.
function(move from to)
    set(share "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share")
    if(EXISTS "${share}/${from}")
        file(RENAME "${share}/${from}" "${share}/${to}")
    endif()
endfunction()

if(CPACK_GENERATOR STREQUAL "DEB")
    move(zsh/site-functions zsh/vendor-completions)
    move(doc/qdq/LICENSE doc/qdq/copyright)
endif()
