"""What only this course needs, beside the tool `wslab`: the exercises' checks, the claims, and the endings."""
