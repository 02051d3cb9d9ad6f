//! Turns a descriptor set into Rust types; started by generate_onnx_proto.py.
//!
//! Arguments: the descriptor set, the file to write, the versions to name in its first line.

use buffa::Message;
use buffa_codegen::generated::descriptor::FileDescriptorSet;
use buffa_codegen::{BytesRepr, CodeGenConfig, PointerRepr};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, set, output, versions] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("usage: onnx-proto SET OUTPUT VERSIONS".into());
    };
    let set = FileDescriptorSet::decode_from_slice(&std::fs::read(set)?)?;
    let names: Vec<String> = set.file.iter().filter_map(|file| file.name.clone()).collect();

    let mut config = CodeGenConfig::default();
    // Only the owned messages, with payloads that share the decoded bytes.
    config.generate_views = false;
    config.generate_with_setters = false;
    config.bytes_fields = vec![(".".to_owned(), BytesRepr::Bytes)];
    // An attribute has a field for every kind of value; stored in place, each attribute would need the space of all of them.
    config.pointer_fields = vec![(".".to_owned(), PointerRepr::Box)];
    config.preserve_unknown_fields = true;
    config.file_per_package = true;

    let files = buffa_codegen::generate(&set.file, &names, &config)?;
    let [file] = &files[..] else {
        return Err(format!("{} files instead of one package", files.len()).into());
    };
    let header =
        format!("// Made by scripts/generate_onnx_proto.py from {versions}; not edited by hand.\n\n");
    std::fs::write(output, header + &file.content)?;
    Ok(())
}
