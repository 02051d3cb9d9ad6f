//! Gives the shared library its SONAME, so that programs keep the binary interface that they were linked
//! with, and compiles the bridge to TensorRT where the feature `tensorrt` is on.

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
    #[cfg(feature = "tensorrt")]
    tensorrt();
}

#[cfg(feature = "tensorrt")]
fn tensorrt() {
    const VARIABLE: &str = "QDQ_TENSORRT_INCLUDE";
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=cpp");
    println!("cargo::rerun-if-changed=include");
    let folders = std::env::var_os(VARIABLE).unwrap_or_default();
    let mut build = cxx_build::bridge("src/tensorrt/bridge.rs");
    build.file("cpp/src/bridge.cpp").std("c++17");
    for folder in ["cpp/src", "cpp", "include"] {
        build.include(folder);
    }
    let folders: Vec<_> =
        std::env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()).collect();
    // The system's own folders need not be named.
    let system = [format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH), "/usr/include".to_owned()];
    let searched: Vec<_> = folders.iter().cloned().chain(system.map(Into::into)).collect();
    for header in ["NvInfer.h", "NvOnnxParser.h"] {
        if !searched.iter().any(|folder| folder.join(header).is_file()) {
            println!(
                "cargo::error=the feature 'tensorrt' needs {header}, which is in no folder of {VARIABLE}. Set it to the \
                 folders of TensorRT's headers, of its ONNX parser's and of CUDA's, separated as in PATH."
            );
            std::process::exit(1);
        }
    }
    for folder in folders {
        build.flag("-isystem").flag(folder);
    }
    build.compile("qdq_tensorrt");
    println!("cargo::rustc-link-lib=dl");
}
