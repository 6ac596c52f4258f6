# docker build -t sekisho .
# Built in two stages: compilers and development dependencies stay in the first.
FROM node:26-bookworm-slim AS build
WORKDIR /sekisho
COPY . .
RUN npm ci --no-audit --no-fund
RUN npm run build
RUN node tools/runtime.ts program

FROM node:26-bookworm-slim
WORKDIR /sekisho
COPY --from=build /sekisho/program .
# Of nobody's folders any has to be written to: run it with a read-only root (docker run --read-only).
USER node
EXPOSE 8080
# Whatever the config says is asked: the admin listener, or else whether the others take connections. 3: it can not be told.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=2s CMD node dist/program/cli.cjs health --config /etc/sekisho/sekisho.yaml || [ $? -eq 3 ]
ENTRYPOINT ["node", "dist/program/cli.cjs"]
CMD ["start", "--config", "/etc/sekisho/sekisho.yaml"]
