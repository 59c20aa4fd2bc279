module plexus-example

go 1.22
