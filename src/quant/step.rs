//! The width of one integer step, computed in the same way for every file format.

/// Returns the step of a range, amax / `max_level`, computed in `f32`. ONNX and TensorRT multiply integers by
/// it.
///
/// The step is a normal positive number, because hardware may replace a subnormal number by zero. `max_level`
/// steps are finite. So three ranges have another step:
///
/// - 0, if all observed values were zero, has the step 1;
/// - a magnitude so small that the step would be subnormal (below 1.5e-36 for 8 bits) has the smallest normal
///   step, 2^-126, which is coarser and clips nothing;
/// - a magnitude at the very end of `f32`, whose steps would overflow by rounding, has the step that is one
///   bit smaller.
///
/// A number that is no range (negative, infinite, NaN) has the step NaN.
///
/// ```
/// use qdq::quant::step;
/// assert_eq!(step(254.0, 127.0), 2.0);
/// assert_eq!(step(1e-30, 127.0), 1e-30 / 127.0);
/// assert_eq!(step(0.0, 127.0), 1.0);
/// ```
pub fn step(amax: f32, max_level: f32) -> f32 {
    if !amax.is_finite() || amax < 0.0 {
        return f32::NAN;
    }
    if amax == 0.0 {
        return 1.0;
    }
    let step = (amax / max_level).max(f32::MIN_POSITIVE);
    if (step * max_level).is_finite() { step } else { step.next_down() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest integers of 2 to 8 bits.
    fn levels() -> impl Strategy<Value = f32> {
        (2u32..=8).prop_map(|bits| ((1 << (bits - 1)) - 1) as f32)
    }

    proptest! {
        #[test]
        fn every_magnitude_has_a_step_that_hardware_can_use(bits in 1..=f32::MAX.to_bits(), level in levels()) {
            let amax = f32::from_bits(bits);
            let found = step(amax, level);
            prop_assert!(found.is_normal() && found > 0.0, "{amax}: {found}");
            let reach = found * level;
            prop_assert!(reach.is_finite(), "{amax}: {found}");
            // Nothing is clipped, except by rounding.
            prop_assert!(reach >= amax * (1.0 - 2.0 * f32::EPSILON), "{amax}: {found}");
            if (amax / level).is_normal() && amax < f32::MAX / 2.0 {
                prop_assert_eq!(found, amax / level);
            }
        }
    }

    #[test]
    fn the_ends_of_f32_have_steps_too() {
        assert_eq!(step(f32::from_bits(1), 127.0), f32::MIN_POSITIVE);
        assert_eq!(step(127.0 * f32::MIN_POSITIVE, 127.0), f32::MIN_POSITIVE);
        assert_eq!(step(f32::MAX, 127.0), (f32::MAX / 127.0).next_down());
        assert_eq!(step(f32::MAX, 1.0), f32::MAX);
        for none in [-1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            assert!(step(none, 127.0).is_nan(), "{none}");
        }
    }
}
