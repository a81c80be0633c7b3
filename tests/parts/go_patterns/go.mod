module go-patterns

go 1.26
