//! The expected numbers of `tests/data/golden`: cases by section, arrays by name.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use qdq::dtype::DataType;
use qdq::tensor::Tensor;
use serde_json::Value;
use zip::ZipArchive;

fn open(name: &str) -> File {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(name);
    File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the cases of one section of `cases.json`.
pub fn cases(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_reader(open("cases.json")).unwrap();
    all[section].as_array().unwrap_or_else(|| panic!("cases.json has no section {section}")).clone()
}

/// `arrays.npz`. It also holds 16-bit floats, which `ndarray-npy` does not read.
pub struct Arrays(ZipArchive<File>);

impl Arrays {
    /// Opens the archive.
    pub fn open() -> Self {
        Self(ZipArchive::new(open("arrays.npz")).unwrap())
    }

    /// Returns the array with the name `name`.
    pub fn get(&mut self, name: &str) -> Tensor {
        let mut bytes = Vec::new();
        let mut file = self.0.by_name(&format!("{name}.npy")).unwrap_or_else(|e| panic!("{name}: {e}"));
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00", "{name}: not version 1.0 of npy");
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let header = std::str::from_utf8(&bytes[10..start]).unwrap();
        assert!(header.contains("'fortran_order': False"), "{name}: {header}");
        let between = |open: &str, close: char| {
            let rest = header.split_once(open).unwrap().1;
            rest.split_once(close).unwrap().0
        };
        let dtype = match between("'descr': '", '\'') {
            "<f2" => DataType::F16,
            "<f4" => DataType::F32,
            "<f8" => DataType::F64,
            "<i8" => DataType::I64,
            other => panic!("{name}: type {other}"),
        };
        let shape = between("'shape': (", ')').split(',').map(str::trim).filter(|dim| !dim.is_empty());
        let shape = shape.map(|dim| dim.parse().unwrap()).collect();
        Tensor::from_bytes(dtype, shape, &bytes[start..]).unwrap()
    }
}
