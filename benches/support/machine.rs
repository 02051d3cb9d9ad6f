//! The memory speed of a machine, measured by loops that do nothing else.

#![allow(unsafe_code, reason = "vector instructions")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

macro_rules! widest {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?, $body:expr) => {
        $(#[$doc])*
        pub fn $name($($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
                fn avx512($($argument: $type),*) $(-> $result)? { $body }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? { $body }
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the machine has the instructions: see the condition. The same holds below.
                    return unsafe { avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    return unsafe { avx2($($argument),*) };
                }
            }
            $body
        }
    };
}

widest! {
    /// Reads all elements.
    read(x: &[f32]) -> f32, {
        let (chunks, _) = x.as_chunks::<128>();
        let mut all = [0u32; 128];
        for chunk in chunks {
            for (all, x) in all.iter_mut().zip(chunk) {
                *all |= x.to_bits();
            }
        }
        f32::from_bits(all.iter().fold(0, |all, one| all | one))
    }
}

widest! {
    /// Reads and writes all elements once.
    scale(x: &mut [f32]), {
        for x in x.iter_mut() {
            *x *= -1.0;
        }
    }
}

/// Copies all elements, past the caches if these could not hold them.
pub fn copy(x: &[f32], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if x.len() >= 8 << 20 {
        let skipped = out.as_ptr().align_offset(32);
        out[..skipped].copy_from_slice(&x[..skipped]);
        let whole = (x.len() - skipped) / 8 * 8;
        for at in (skipped..skipped + whole).step_by(8) {
            // SAFETY: the eight elements are within both slices, and those of the output are aligned. Every
            // machine that this runs on has AVX.
            unsafe { stream(x.as_ptr().add(at), out.as_mut_ptr().add(at)) };
        }
        // SAFETY: every x86-64 processor has this instruction.
        unsafe { _mm_sfence() };
        return out[skipped + whole..].copy_from_slice(&x[skipped + whole..]);
    }
    out.copy_from_slice(x);
}

#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn stream(from: *const f32, to: *mut f32) {
    // SAFETY: the caller guarantees it. Every machine has these two registers, and combines their writes.
    unsafe {
        _mm_stream_ps(to, _mm_loadu_ps(from));
        _mm_stream_ps(to.add(4), _mm_loadu_ps(from.add(4)));
    }
}
