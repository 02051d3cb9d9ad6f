//! The lattice of magnitudes on which histograms count: the upper bits of a number are its bin.

/// The bits of the mantissa that distinguish bins.
pub const MANTISSA_BITS: u32 = 9;
/// The octaves of one window: a factor of about a million.
pub const OCTAVES: u32 = 20;
/// The bins of one window.
pub const WINDOW: u32 = OCTAVES << MANTISSA_BITS;
/// The number of lowest bits to remove from a number's bits to get its bin.
pub const SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - MANTISSA_BITS;
/// The bits of a number that its bin does not contain.
pub const BETWEEN: u32 = (1 << SHIFT) - 1;

/// The number of values per look-up.
pub const BLOCK: usize = 1024;
/// The bins of a block, and space for the extra lanes that kernels write.
pub type Indices = [u16; BLOCK + super::vector::WIDEST];

/// The counts of a block of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of values with an index: those within the window.
    pub kept: usize,
    /// The number of zeros.
    pub zeros: usize,
    /// The number of other values outside the window.
    pub outside: usize,
    /// The number of values that are not the lower edge of their bin.
    pub between: usize,
}
