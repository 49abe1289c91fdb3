# CPU:  docker build -t animrl --build-arg TORCH_INDEX=<url> .
#       <url>: the index that PyTorch's installation page names for "CPU"; without it the image is
#       gigabytes larger
# GPU:  docker build -t animrl-gpu --build-arg EXTRAS=dev,motion,gpu .
# Run:  docker run --rm -v "$PWD/animRL/logs:/home/animrl/animRL/animRL/logs" animrl
#       (with --gpus all for the GPU image; the folder must be writable for user 1000)
# BASE may be any Debian or Ubuntu image with Python 3.11 or newer, venv included.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# git: read by rsl-rl-lib; EGL and OSMesa: off-screen pictures with and without a GPU
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        git make libegl1 libgl1 libgl1-mesa-dri libosmesa6 \
    && rm -rf /var/lib/apt/lists/*

ARG UID=1000
RUN useradd --create-home --uid ${UID} animrl \
    && install -d -o animrl -g animrl /home/animrl/animRL
USER animrl
WORKDIR /home/animrl/animRL

# empty: pip's own index, whose torch brings CUDA
ARG TORCH_INDEX=
ARG EXTRAS=dev,motion

# torch in a layer of its own: it stays when the code changes
COPY --chown=animrl:animrl Makefile constraints.txt ./
RUN make .venv/.torch TORCH_INDEX=${TORCH_INDEX}

COPY --chown=animrl:animrl . .
RUN make install TORCH_INDEX=${TORCH_INDEX} EXTRAS=${EXTRAS} && mkdir -p animRL/logs

# the image's own settings for every later make; the last is read by the NVIDIA runtime alone
ENV EXTRAS=${EXTRAS} TORCH_INDEX=${TORCH_INDEX} NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
CMD ["make", "train"]
