module guest

go 1.24

require github.com/toolhold/toolhold/go v0.0.0

replace github.com/toolhold/toolhold/go => ./target/sdk/go
