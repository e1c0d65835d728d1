module {{name}}

go 1.24

require github.com/toolhold/toolhold/go v0.0.0

// `toolhold build` writes the library there.
replace github.com/toolhold/toolhold/go => ./target/sdk/go
