use std::sync::Arc;

use super::text::Text;
use crate::CheckError;

pub(crate) fn schemas(address: &str) -> Result<Vec<Arc<Text>>, CheckError> {
    Err(CheckError::Base { base: address.to_owned(), reason: "todo".to_owned() })
}
