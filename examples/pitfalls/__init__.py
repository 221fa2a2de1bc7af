"""The five pitfalls of the course: each a module, with the wrong and the right endpoint, and a client that compares.

Start one from the project's folder, and talk to it from a second terminal:

    uvicorn examples.pitfalls.accept:app
    python -m examples.pitfalls.accept
"""
