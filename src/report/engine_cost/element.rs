//! Element types of engines.

/// An element type of TensorRT.
#[derive(Debug, PartialEq, Eq)]
pub struct Element {
    /// The name in texts and JSON, such as `f32` or `i8`.
    pub name: &'static str,
    /// The bits of one element.
    bits: u64,
    /// The words for it, in lower case: those of RTX's plans and of TensorRT's IEngineInspector.
    words: &'static [&'static str],
}

const fn element(name: &'static str, bits: u64, words: &'static [&'static str]) -> Element {
    Element { name, bits, words }
}

impl Element {
    /// All element types: integers of 8 bits, narrow floats, wide floats, others.
    pub const ALL: &'static [Self] = &[
        element("i8", 8, &["int8"]),
        element("u8", 8, &["uint8"]),
        element("i4", 4, &["int4"]),
        element("e2m1", 4, &["e2m1", "fp4", "fp4e2m1"]),
        element("e4m3", 8, &["e4m3", "fp8", "fp8e4m3"]),
        element("e5m2", 8, &["e5m2", "fp8e5m2"]),
        element("e8m0", 8, &["e8m0", "ue8m0", "fp8ue8m0"]),
        element("f16", 16, &["half", "fp16", "float16"]),
        element("bf16", 16, &["bf16", "bfloat16"]),
        element("f32", 32, &["float", "fp32", "float32"]),
        element("f64", 64, &["double"]),
        element("bool", 8, &["bool"]),
        element("i32", 32, &["int32"]),
        element("i64", 64, &["int64"]),
    ];

    /// Finds the element type that TensorRT calls `word`.
    pub(super) fn of_word(word: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|one| one.words.iter().any(|known| known.eq_ignore_ascii_case(word)))
    }

    /// Returns the bytes of so many elements. Saturates.
    pub(super) fn bytes(&self, elements: u64) -> u64 {
        let bytes = (u128::from(elements) * u128::from(self.bits)).div_ceil(8);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Whether elements are integers of 8 bits.
    pub fn is_int8(&self) -> bool {
        self.bits == 8 && self.words.iter().any(|word| word.ends_with("int8"))
    }
}
