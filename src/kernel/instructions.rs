//! Macros that make the table of an instruction set from the kernels of `generic`.

/// Makes the table of an instruction set of the kernels over any [`Vector`](super::vector::Vector).
macro_rules! table {
    ($name:literal, $vector:ty, $features:literal) => {
        $crate::kernel::list::kernels! { [$crate::kernel::instructions::enable] $name, $vector, $features, }
    };
}

/// Makes functions that call the functions of `generic` with the instruction set enabled, and their table.
macro_rules! enable {
    (
        $table:literal, $vector:ty, $features:literal,
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
        /// The table. Use it only if [`is_available`] is true.
        pub(super) static KERNELS: $crate::kernel::Kernels = $crate::kernel::Kernels {
            name: $table,
            f32: enabled::loops(),
            f16: enabled::loops(),
            bf16: enabled::loops(),
            f64: $crate::kernel::scalar::loops(),
            // SAFETY: the table is only used on machines with the instruction set, and so are all functions
            // of it.
            $($other_name: |$($other_argument),*| unsafe { enabled::$other_name($($other_argument),*) },)*
        };

        /// The kernels with the instruction set enabled.
        mod enabled {
            use super::*;
            use $crate::kernel::in_out::InOut;
            use $crate::kernel::lattice::{Found, Indices};
            use $crate::kernel::pattern::Pattern;
            use $crate::kernel::table::{Integer, Integers, Loops, Real};
            use $crate::kernel::vector::Lane;
            use $crate::kernel::{LinearBins, MinMax, generic};

            $(#[target_feature(enable = $features)]
            unsafe fn $name<X: Lane>($($argument: $type),*) -> $result {
                // SAFETY: the instruction set is enabled.
                unsafe { generic::$name::<$vector, X>($($argument),*) }
            })*

            $(#[target_feature(enable = $features)]
            unsafe fn $integer_name<X: Lane, Q: Lane>(
                $($integer_argument: $integer_type),*
            ) -> $integer_result {
                // SAFETY: the instruction set is enabled.
                unsafe { generic::$integer_name::<$vector, X, Q>($($integer_argument),*) }
            })*

            $(#[target_feature(enable = $features)]
            pub unsafe fn $other_name($($other_argument: $other_type),*) -> $other_result {
                // SAFETY: the instruction set is enabled.
                unsafe { generic::$other_name::<$vector>($($other_argument),*) }
            })*

            pub const fn loops<X: Real + Lane>() -> Loops<X> {
                // SAFETY: the table is only used on machines with the instruction set, and so are all
                // functions of it.
                Loops {
                    $($name: |$($argument),*| unsafe { $name::<X>($($argument),*) },)*
                    i8: integers(),
                    u8: integers(),
                    i16: integers(),
                    u16: integers(),
                }
            }

            const fn integers<X: Real + Lane, Q: Integer + Lane>() -> Integers<X, Q> {
                // SAFETY: as above.
                Integers {
                    $($integer_name: |$($integer_argument),*| unsafe {
                        $integer_name::<X, Q>($($integer_argument),*)
                    },)*
                }
            }
        }
    };
}

pub(super) use {enable, table};
