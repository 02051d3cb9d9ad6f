//! A replacement for the image decoders in a library that was built without the feature `images`.

use std::path::Path;

use super::target::Target;
use crate::error::{Error, ErrorKind, Result};

/// An image of the target's size.
pub(super) struct Loaded {
    pub pixels: Vec<u8>,
    pub is_turned: bool,
}

pub(super) fn load(path: &Path, _target: &Target) -> Result<Loaded> {
    let message = format!("{}: this qdq was built without images", path.display());
    Err(Error::new(ErrorKind::Unsupported, message)
        .with_remedy("give the samples as .npy or .npz, or build qdq with the feature images"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::image::ImageOptions;
    use crate::dtype::DataType;
    use crate::tensor::{Dim, TensorSpec};

    #[test]
    fn a_library_without_images_says_so() {
        let shape = Some([1, 3, 8, 8].map(Dim::Fixed).to_vec());
        let input = TensorSpec { name: "x".to_owned(), dtype: Some(DataType::F32), shape };
        let target = Target::new(&input, &ImageOptions::default()).unwrap();
        let error = load(Path::new("cat.png"), &target).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().starts_with("cat.png: this qdq was built without images"), "{error}");
    }
}
