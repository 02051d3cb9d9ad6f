//! Checks of a batch against the inputs that the model declares, before a runtime gets it.

use std::borrow::Cow;

use crate::batch::{Batch, to_float};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Dim, Tensor, TensorSpec, show_dims};

/// Returns the batch's tensors in the order of `specs`, with floating-point numbers rounded to the declared
/// type.
///
/// # Errors
/// `InvalidArgument` if an input is missing, given twice or unknown; `Type` or `Shape` if a tensor does not
/// fit its declaration; `Shape` if two inputs give different sizes to a dimension that has one name in the
/// model.
pub(super) fn inputs<'b>(specs: &[TensorSpec], batch: &'b Batch) -> Result<Vec<Cow<'b, Tensor>>> {
    for (position, (name, _)) in batch.inputs.iter().enumerate() {
        if !specs.iter().any(|spec| spec.name == *name) {
            return Err(bad_name(format!("the model has no input '{name}'"), specs));
        }
        if batch.inputs[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err(bad_name(format!("input '{name}' is given twice"), specs));
        }
    }
    let mut sizes: Vec<(&str, usize, &str)> = Vec::new();
    let mut tensors = Vec::with_capacity(specs.len());
    for spec in specs {
        let (_, tensor) = batch
            .inputs
            .iter()
            .find(|(name, _)| *name == spec.name)
            .ok_or_else(|| bad_name(format!("input '{}' is missing", spec.name), specs))?;
        let tensor = to_float(&format!("input '{}'", spec.name), tensor, spec.dtype)?;
        if let Some(dtype) = spec.dtype
            && dtype != tensor.dtype()
        {
            return Err(Error::new(
                ErrorKind::Type,
                format!("input '{}' is {}, the model declares {dtype}", spec.name, tensor.dtype()),
            )
            .with_remedy(format!("convert the data to {dtype}")));
        }
        if let Some(dims) = &spec.shape {
            check_shape(spec, dims, tensor.shape(), &mut sizes)?;
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

/// Checks one shape. `sizes` collects the named dimensions so far: name, size, input.
fn check_shape<'s>(
    spec: &'s TensorSpec,
    dims: &'s [Dim],
    shape: &[usize],
    sizes: &mut Vec<(&'s str, usize, &'s str)>,
) -> Result<()> {
    let mismatch = || {
        Error::new(
            ErrorKind::Shape,
            format!("input '{}' has shape {shape:?}, the model declares {}", spec.name, show_dims(dims)),
        )
        .with_remedy("give data of the declared shape, or change the batch size if the first axis differs")
    };
    if dims.len() != shape.len() {
        return Err(mismatch());
    }
    for (dim, &size) in dims.iter().zip(shape) {
        match dim {
            Dim::Fixed(declared) if *declared != size => return Err(mismatch()),
            Dim::Named(name) => match sizes.iter().find(|(known, ..)| *known == name.as_str()) {
                Some(&(_, first, input)) if first != size => {
                    return Err(Error::new(
                        ErrorKind::Shape,
                        format!(
                            "dimension '{name}' is {first} in input '{input}' and {size} in input '{}'; TensorRT \
                             refuses that too",
                            spec.name
                        ),
                    )
                    .with_remedy(
                        "give inputs that agree in every dimension of that name, or export the model with names of \
                         their own for sizes that differ",
                    ));
                }
                Some(_) => {}
                None => sizes.push((name, size, &spec.name)),
            },
            _ => {}
        }
    }
    Ok(())
}

fn bad_name(message: String, specs: &[TensorSpec]) -> Error {
    let declared: Vec<String> = specs.iter().map(show_spec).collect();
    Error::new(ErrorKind::InvalidArgument, message)
        .with_remedy(format!("name the data like the model's inputs: {}", declared.join(", ")))
}

fn show_spec(spec: &TensorSpec) -> String {
    let dtype = spec.dtype.map_or("?", |dtype| dtype.name());
    format!("{} ({dtype} {})", spec.name, spec.shape.as_deref().map_or("?".to_owned(), show_dims))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DataType;

    fn spec(name: &str, dtype: DataType, dims: Vec<Dim>) -> TensorSpec {
        TensorSpec { name: name.to_owned(), dtype: Some(dtype), shape: Some(dims) }
    }

    fn zeros(shape: &[usize]) -> Tensor {
        Tensor::new(shape.to_vec(), vec![0f32; shape.iter().product()]).unwrap()
    }

    #[test]
    fn every_disagreement_is_named() {
        let named = |name: &str| Dim::Named(name.to_owned());
        let specs = [
            spec("x", DataType::F32, vec![named("N"), Dim::Fixed(3)]),
            spec("y", DataType::F32, vec![named("N"), Dim::Unknown]),
        ];
        let ids = Tensor::new(vec![2, 3], vec![0i64; 6]).unwrap();
        let cases: [(Vec<(&str, Tensor)>, &str); 8] = [
            (vec![("y", zeros(&[2, 9])), ("x", zeros(&[2, 3]))], ""),
            (vec![("x", zeros(&[2, 3]))], "input 'y' is missing"),
            (vec![("x", zeros(&[2, 3])), ("z", zeros(&[2]))], "the model has no input 'z'"),
            (vec![("x", zeros(&[2, 3])), ("x", zeros(&[2, 3]))], "input 'x' is given twice"),
            (vec![("x", ids), ("y", zeros(&[2, 1]))], "input 'x' is i64, the model declares f32"),
            (
                vec![("x", zeros(&[2, 4])), ("y", zeros(&[2, 1]))],
                "input 'x' has shape [2, 4], the model declares [N, 3]",
            ),
            (
                vec![("x", zeros(&[3])), ("y", zeros(&[2, 1]))],
                "input 'x' has shape [3], the model declares [N, 3]",
            ),
            (
                vec![("x", zeros(&[2, 3])), ("y", zeros(&[5, 1]))],
                "dimension 'N' is 2 in input 'x' and 5 in input 'y'; TensorRT refuses that too",
            ),
        ];
        for (given, expected) in cases {
            let inputs = given.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
            let batch = Batch { inputs, samples: 2, repeats: 0 };
            match super::inputs(&specs, &batch) {
                Ok(tensors) => {
                    assert_eq!(expected, "");
                    assert_eq!(tensors[0].shape(), [2, 3], "in the model's order");
                }
                Err(error) => assert_eq!(error.message(), expected),
            }
        }
    }
}
