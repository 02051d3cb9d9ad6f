//! Gives the shared library its SONAME, so that programs keep the binary interface that they were linked with.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    // Before 1.0 a new minor version may change the interface, from then on a new major one.
    let version = match var("CARGO_PKG_VERSION_MAJOR").as_str() {
        "0" => format!("0.{}", var("CARGO_PKG_VERSION_MINOR")),
        major => major.to_owned(),
    };
    if var("CARGO_CFG_TARGET_OS") == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libqdq.so.{version}");
    }
}
