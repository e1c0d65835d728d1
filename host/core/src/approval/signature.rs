//! How a notification is signed, so that whoever gets it knows that it comes from here and is not an old one.
//!
//! HMAC-SHA256 (RFC 2104) over the time in seconds, a full stop, and the body.

use sha2::{Digest as _, Sha256};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The header that carries it: `t=SECONDS,v1=HEX`.
pub const HEADER: &str = "toolhold-signature";

/// What [`HEADER`] says of `body`, sent `seconds` after 1970.
#[must_use]
pub fn of(secret: &[u8], seconds: u64, body: &[u8]) -> String {
    let time = seconds.to_string();
    format!("t={time},v1={}", hex::encode(hmac(secret, &[time.as_bytes(), b".", body])))
}

fn hmac(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut key = [0; BLOCK];
    let hashed: [u8; 32] = Sha256::digest(secret).into();
    let short = if secret.len() > BLOCK { &hashed[..] } else { secret };
    key.iter_mut().zip(short).for_each(|(place, byte)| *place = *byte);
    let inner = parts.iter().fold(Sha256::new_with_prefix(key.map(|byte| byte ^ 0x36)), Sha256::chain_update);
    Sha256::new_with_prefix(key.map(|byte| byte ^ 0x5c)).chain_update(inner.finalize()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4231_hold() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, text, expected) in cases {
            assert_eq!(hex::encode(hmac(key, &[text])), expected);
        }
    }

    #[test]
    fn time_and_body_do_not_run_together() {
        assert_ne!(of(b"key", 1, b"23"), of(b"key", 12, b"3"));
        assert!(of(b"key", 5, b"{}").starts_with("t=5,v1="));
    }
}
