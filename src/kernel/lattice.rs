//! The lattice of magnitudes that histograms count on: the upper bits of a number name its bin.

/// Bits of the mantissa that tell bins apart.
pub const MANTISSA_BITS: u32 = 9;
/// Octaves of one window: a factor of about a million.
pub const OCTAVES: u32 = 20;
/// Bins of one window.
pub const WINDOW: u32 = OCTAVES << MANTISSA_BITS;
/// A number's bits without this many of the lowest are its bin.
pub const SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - MANTISSA_BITS;
/// The bits of a number that its bin does not know.
pub const BETWEEN: u32 = (1 << SHIFT) - 1;

/// Values looked up at once.
pub const BLOCK: usize = 1024;
/// The bins of a block, and room for what kernels write beyond them.
pub type Indices = [u16; BLOCK + super::vector::WIDEST];

/// What became of the values of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many have an index: those within the window.
    pub kept: usize,
    /// How many are zero.
    pub zeros: usize,
    /// How many other values are outside the window.
    pub outside: usize,
    /// How many are not the lower edge of their bin.
    pub between: usize,
}
