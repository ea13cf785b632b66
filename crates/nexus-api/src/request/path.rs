use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// The variable segments of the path, decoded once.
pub(crate) struct PathArgs<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for PathArgs<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(args)) => Ok(Self(args)),
            Err(rejection) => {
                Err(Problem::new(Code::InvalidPath, "the path is not UTF-8 once decoded").caused_by(&rejection))
            }
        }
    }
}
