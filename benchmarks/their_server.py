"""Serves a model with mlx-lm's own server and the BLAS of this package, nothing else of it."""

from daemon.model.blas import load_blas


def main() -> None:
    # Before MLX is first imported: the first definition of a symbol is the one that counts.
    load_blas()
    from mlx_lm.server import main as serve

    serve()


if __name__ == "__main__":
    main()
