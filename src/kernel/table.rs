//! The table of functions of one instruction set.

use std::fmt::Debug;

use half::{bf16, f16};

use super::arithmetic::to_grid;
use super::in_out::InOut;
use super::lattice::{Found, Indices};
use super::list::kernels;
use super::pattern::Pattern;
use super::{LinearBins, MinMax};

/// Makes the tables of the list: a field for each kernel, and a method that calls it.
macro_rules! tables {
    (
        data { $(
            $(#[$about:meta])*
            $name:ident($($argument:ident: $type:ty),*) -> $result:ty $(where $holds:expr, $why:literal)?;
        )* }
        integers { $(
            $(#[$integer_about:meta])*
            $integer_name:ident($($integer_argument:ident: $integer_type:ty),*) -> $integer_result:ty
            $(where $integer_holds:expr, $integer_why:literal)?;
        )* }
        other { $(
            $(#[$other_about:meta])*
            $other_name:ident($($other_argument:ident: $other_type:ty),*) -> $other_result:ty
            $(where $other_holds:expr, $other_why:literal)?;
        )* }
    ) => {
        /// The functions of one instruction set.
        ///
        /// Inputs and outputs of one call have the same length. A call with other lengths is a defect of the
        /// caller and panics before anything is read or written. f16 and bf16 are computed in f32 and rounded
        /// half to even at the end. f64 is computed in f64 and in plain code for every instruction set: it
        /// serves to compare results. Statistics of f64 are those of its nearest f32.
        #[derive(Debug)]
        pub struct Kernels {
            pub(super) name: &'static str,
            pub(super) f32: Loops<f32>,
            pub(super) f16: Loops<f16>,
            pub(super) bf16: Loops<bf16>,
            pub(super) f64: Loops<f64>,
            $(pub(super) $other_name: fn($($other_type),*) -> $other_result,)*
        }

        /// The functions for data of one type.
        #[derive(Debug)]
        pub struct Loops<X: 'static> {
            $(pub(super) $name: fn($($type),*) -> $result,)*
            pub(super) i8: Integers<X, i8>,
            pub(super) u8: Integers<X, u8>,
            pub(super) i16: Integers<X, i16>,
            pub(super) u16: Integers<X, u16>,
        }

        /// The functions between data and integers of one type.
        #[derive(Debug)]
        pub struct Integers<X: 'static, Q: 'static> {
            $(pub(super) $integer_name: fn($($integer_type),*) -> $integer_result,)*
        }

        impl Kernels {
            /// Returns the name of the instruction set, as in [`QDQ_ISA`](super::ISA_VARIABLE).
            pub fn name(&self) -> &'static str {
                self.name
            }

            $($(#[$about])*
            pub fn $name<X: Real>(&self, $($argument: $type),*) -> $result {
                $(assert!($holds, $why);)?
                (X::loops(self).$name)($($argument),*)
            })*

            $($(#[$integer_about])*
            pub fn $integer_name<X: Real, Q: Integer>(
                &self,
                $($integer_argument: $integer_type),*
            ) -> $integer_result {
                $(assert!($integer_holds, $integer_why);)?
                (Q::integers(X::loops(self)).$integer_name)($($integer_argument),*)
            })*

            $($(#[$other_about])*
            pub fn $other_name(&self, $($other_argument: $other_type),*) -> $other_result {
                $(assert!($other_holds, $other_why);)?
                (self.$other_name)($($other_argument),*)
            })*
        }
    };
}

kernels! { [tables] }

/// A type of data of the kernels.
pub trait Real: Copy + Debug + Default + Send + Sync + 'static {
    /// Returns its part of a table.
    fn loops(kernels: &Kernels) -> &Loops<Self>;
    /// Converts to the nearest f32.
    fn widen(self) -> f32;
    /// Converts to the nearest number of this type, ties to even.
    fn narrow(x: f32) -> Self;
    /// Returns the integer clamp(rne(x * inverse_scale), low, high).
    fn to_grid(self, inverse_scale: f32, low: f32, high: f32) -> f32 {
        to_grid(self.widen(), inverse_scale, low, high)
    }
    /// Returns q / divisor.
    fn quotient(q: f32, divisor: f32) -> Self {
        Self::narrow(q / divisor)
    }
}

macro_rules! reals {
    ($($name:ident($widen:expr, $narrow:expr) { $($own:item)* })*) => {
        $(impl Real for $name {
            fn loops(kernels: &Kernels) -> &Loops<Self> { &kernels.$name }
            fn widen(self) -> f32 { $widen(self) }
            fn narrow(x: f32) -> Self { $narrow(x) }
            $($own)*
        })*
    };
}

reals! {
    f32(std::convert::identity, std::convert::identity) {}
    f16(f16::to_f32, f16::from_f32) {}
    bf16(bf16::to_f32, bf16::from_f32) {}
    f64(|x| x as f32, f64::from) {
        fn to_grid(self, inverse_scale: f32, low: f32, high: f32) -> f32 {
            // The result is an integer of at most 17 bits, which an f32 holds.
            (self * f64::from(inverse_scale)).round_ties_even().clamp(low.into(), high.into()) as f32
        }

        fn quotient(q: f32, divisor: f32) -> Self {
            f64::from(q) / f64::from(divisor)
        }
    }
}

/// A type that holds quantized integers.
pub trait Integer: Copy + Debug + Default + Into<f32> + Send + Sync + 'static {
    /// Returns its part of a table.
    fn integers<X>(loops: &Loops<X>) -> &Integers<X, Self>;
    /// Converts an integer that the type holds; NaN becomes 0.
    fn of(x: f32) -> Self;
}

macro_rules! integers {
    ($($name:ident),*) => {
        $(impl Integer for $name {
            fn integers<X>(loops: &Loops<X>) -> &Integers<X, Self> { &loops.$name }
            fn of(x: f32) -> Self { x as Self }
        })*
    };
}

integers!(i8, u8, i16, u16);
