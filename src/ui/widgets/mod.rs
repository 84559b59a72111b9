//! Pieces of pictures that know no releases.
