//! `include/qdq/qdq.h` is what cbindgen makes of `src/ffi`. `make header` writes it anew.

use std::path::Path;

/// Set to write the header instead of comparing it.
const UPDATE: &str = "QDQ_UPDATE_HEADER";

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let version: Vec<u32> = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap()).collect();
    let [major, minor, patch] = version[..] else { panic!("{version:?}") };
    let constants = config.after_includes.take().unwrap_or_default();
    config.after_includes = Some(format!(
        "{constants}\n// The version of this header: major * 10000 + minor * 100 + patch. See qdq_version().\n\
         #define QDQ_VERSION {}\n\
         // The version of this header as text.\n\
         #define QDQ_VERSION_TEXT \"{major}.{minor}.{patch}\"",
        major * 10_000 + minor * 100 + patch,
    ));
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join("src/ffi/mod.rs"));
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_that_of_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/qdq/qdq.h");
    let expected = generated();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "include/qdq/qdq.h is not what src/ffi says; run 'make header'");
}
