module github.com/toolhold/toolhold/go

go 1.24
