//! The AWS adapter: the only place that names the SDK.
