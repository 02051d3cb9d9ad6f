//! The golden numbers of pytorch-quantization (`tests/data/golden`) as arrays. `api` compares the functions
//! with them, bit for bit, through Rust and through C.

use half::{bf16, f16};
use ndarray::{Array1, ArrayD, ArrayViewD, IxDyn};
use qdq::e4m3;
use qdq::error::ErrorKind;
use qdq::quant::{self, Element, Mode, QuantParams};
use qdq::tensor::{Data, Tensor};
use serde_json::Value;

use crate::golden::{Arrays, cases};

/// A type of the archive.
pub trait Golden: Element {
    /// Returns the array of a tensor of this type.
    fn array(tensor: &Tensor) -> ArrayD<Self>;
    /// Returns the bits, with one pattern for every NaN.
    fn bits(self) -> u64;
}

macro_rules! golden {
    ($($element:ty: $variant:ident;)*) => {
        $(impl Golden for $element {
            fn array(tensor: &Tensor) -> ArrayD<Self> {
                let Data::$variant(values) = tensor.data() else { panic!("{} is expected", stringify!($variant)) };
                ArrayD::from_shape_vec(IxDyn(tensor.shape()), values.clone()).unwrap()
            }

            fn bits(self) -> u64 {
                if self.is_nan() { u64::MAX } else { self.to_bits().into() }
            }
        })*
    };
}

golden! { f32: F32; f64: F64; f16: F16; bf16: Bf16; }

/// Checks that the bits are the same. All NaN are equal.
pub fn assert_same<T: Golden>(what: &str, found: impl IntoIterator<Item = T>, expected: &ArrayD<T>) {
    let found: Vec<u64> = found.into_iter().map(T::bits).collect();
    let expected: Vec<u64> = expected.iter().map(|&x| x.bits()).collect();
    assert_eq!(found, expected, "{what}");
}

/// Returns a field of a case.
pub fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{case} has no {key}"))
}

fn params(case: &Value) -> QuantParams {
    QuantParams::new(case["num_bits"].as_u64().unwrap() as u32)
        .unwrap()
        .unsigned(case["unsigned"].as_bool().unwrap())
        .narrow_range(case["narrow_range"].as_bool().unwrap())
}

/// Checks an error: our message for the same problem, and a remedy.
pub fn check_error(case: &Value, kind: ErrorKind, message: &str, remedy: Option<&str>) {
    let (expected, says) = match text(case, "error") {
        "RuntimeError" => (ErrorKind::Shape, "amax of shape [4] does not fit data of shape [4, 6, 5, 3]"),
        "TypeError" => (ErrorKind::Data, "is negative, but the quantization is unsigned"),
        "ValueError" => (ErrorKind::InvalidArgument, "is too small for f16"),
        other => panic!("{case}: {other}"),
    };
    assert_eq!(kind, expected, "{case}: {message}");
    assert!(message.contains(says) && remedy.is_some(), "{case}: {message}");
}

/// For f32 data, the corrected mode equals the reference unless amax is NaN or infinite.
#[test]
fn the_corrected_mode_differs_only_where_it_says() {
    let mut arrays = Arrays::open();
    let mut differing = Vec::new();
    for case in &cases("quant") {
        if case.get("error").is_some() || text(case, "kind") == "tensor" || text(case, "x_dtype") != "float32"
        {
            continue;
        }
        let x = f32::array(&arrays.get(text(case, "x")));
        let amax = f32::array(&arrays.get(text(case, "amax")));
        let corrected = quant::fake_tensor_quant(x.view(), &amax, &params(case).mode(Mode::Corrected));
        let reference = quant::fake_tensor_quant(x.view(), &amax, &params(case)).unwrap();
        let same = |y: ArrayViewD<f32>| y.iter().zip(&reference).all(|(a, b)| a.bits() == b.bits());
        if !corrected.is_ok_and(|y| same(y.view())) {
            differing.push(format!("{} {}", text(case, "x"), text(case, "amax")));
        }
    }
    differing.dedup();
    assert_eq!(differing, ["q_x4d amax_inf", "q_special amax_nan"]);
}

#[test]
fn e4m3_codes_have_the_values_of_the_table() {
    // ml_dtypes' float8_e4m3fn has written the table.
    let table = include_str!("../../data/e4m3.json");
    let table: Vec<Value> = serde_json::from_str(table).unwrap();
    assert_eq!(table.len(), 256);
    for (code, expected) in table.iter().enumerate() {
        let code = code as u8;
        let value = e4m3::decode(code);
        match expected.as_f64() {
            None => assert!(value.is_nan() && e4m3::encode(value) == code, "{code:#x}"),
            Some(expected) => {
                assert_eq!(value.bits(), (expected as f32).bits(), "{code:#x}");
                assert_eq!(e4m3::encode(value), code);
            }
        }
    }
    let codes = Array1::from_iter(0..=255u8);
    let values: Array1<f32> = quant::dequantize_e4m3(codes.view(), 1.0).unwrap();
    assert_eq!(
        quant::quantize_e4m3(values.view(), None).unwrap().values.mapv(|c| c & 0x7f),
        codes.mapv(|c| c & 0x7f)
    );
}
