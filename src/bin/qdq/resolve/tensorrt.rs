//! Converts the TensorRT arguments to build options.

use qdq::error::{Error, ErrorKind, Result};
use qdq::tensorrt::{EngineOptions, InputShapes};

use crate::args::TensorRtArgs;

/// Returns the build options of an engine. `fp16` lets a weakly typed TensorRT choose layers in f16.
pub fn tensorrt(args: &TensorRtArgs, fp16: bool) -> Result<EngineOptions> {
    let mut profiles: Vec<Vec<InputShapes>> = Vec::new();
    for typed in &args.shapes {
        let shapes = input_shapes(typed)?;
        match profiles.last_mut() {
            Some(profile) if profile.iter().all(|one| one.input != shapes.input) => profile.push(shapes),
            _ => profiles.push(vec![shapes]),
        }
    }
    let workspace = args.workspace.map(|mib| {
        mib.checked_mul(1 << 20).filter(|&bytes| bytes > 0).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("--workspace: {mib} MiB is no size of memory"))
                .with_remedy("give MiB, such as 4096")
        })
    });
    Ok(EngineOptions {
        half: fp16,
        detailed: args.detailed,
        workspace: workspace.transpose()?,
        timing_cache: args.timing_cache.clone(),
        profiles,
        compute_capabilities: args
            .compute_capability
            .iter()
            .map(|typed| capability(typed))
            .collect::<Result<_>>()?,
    })
}

/// Parses `NAME=MIN:OPT:MAX`. One shape alone means all three. Names may contain `=` and `:`.
fn input_shapes(typed: &str) -> Result<InputShapes> {
    let wrong = || {
        Error::new(ErrorKind::InvalidArgument, format!("--shapes: '{typed}' is no NAME=MIN:OPT:MAX"))
            .with_remedy(
                "give shapes such as image=1x3x224x224:8x3x224x224:16x3x224x224, with MIN <= OPT <= MAX",
            )
    };
    let (input, shapes) = typed.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
    let shapes: Vec<Vec<i64>> = shapes.split(':').map(shape).collect::<Option<_>>().ok_or_else(wrong)?;
    let [min, opt, max] = match &shapes[..] {
        [one] => [one, one, one],
        [min, opt, max] => [min, opt, max],
        _ => return Err(wrong()),
    };
    let grows = |small: &[i64], large: &[i64]| {
        small.len() == large.len() && small.iter().zip(large).all(|(small, large)| small <= large)
    };
    if !grows(min, opt) || !grows(opt, max) {
        return Err(wrong());
    }
    Ok(InputShapes { input: input.to_owned(), min: min.clone(), opt: opt.clone(), max: max.clone() })
}

fn shape(typed: &str) -> Option<Vec<i64>> {
    typed.split(['x', ',']).map(|size| size.parse().ok().filter(|&size| size >= 0)).collect()
}

/// Parses `8.6` or `86` as 86.
fn capability(typed: &str) -> Result<i32> {
    let number = match typed.split_once('.') {
        Some((major, minor)) if minor.len() == 1 => format!("{major}{minor}").parse().ok(),
        Some(_) => None,
        None => typed.parse().ok(),
    };
    number.filter(|&number| number >= 10).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("--compute-capability: '{typed}' is no compute capability"),
        )
        .with_remedy("give one such as 8.6; NVIDIA lists those of its GPUs")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        let read = input_shapes("a=b=1x3:2x3:4x3").unwrap();
        assert_eq!(
            (read.input.as_str(), read.min, read.opt, read.max),
            ("a=b", vec![1, 3], vec![2, 3], vec![4, 3])
        );
        assert_eq!(input_shapes("x:0=7").unwrap().max, [7]);
        for wrong in ["", "x", "=1", "x=", "x=1:2", "x=2:1:4", "x=1x2:1:1", "x=-1", "x=1x", "x=1:2:3:4"] {
            let error = input_shapes(wrong).unwrap_err();
            assert!(error.message().contains(&format!("'{wrong}'")), "{error}");
        }
    }

    #[test]
    fn a_profile_ends_where_an_input_comes_again() {
        let args = TensorRtArgs {
            tensorrt: None,
            shapes: ["a=1", "b=2", "a=3", "b=4"].map(str::to_owned).to_vec(),
            workspace: Some(2),
            detailed: false,
            timing_cache: None,
            compute_capability: vec!["8.6".into(), "120".into()],
        };
        let options = tensorrt(&args, false).unwrap();
        let names: Vec<Vec<_>> = options
            .profiles
            .iter()
            .map(|p| p.iter().map(|s| (s.input.as_str(), s.min[0])).collect())
            .collect();
        assert_eq!(names, [[("a", 1), ("b", 2)], [("a", 3), ("b", 4)]]);
        assert_eq!((options.workspace, options.compute_capabilities), (Some(2 << 20), vec![86, 120]));
        for wrong in ["", "8.", "8.60", "x", "9"] {
            assert!(capability(wrong).is_err(), "{wrong}");
        }
    }
}
