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
# The admin listener answers within the container, whether or not its port is published.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch('http://127.0.0.1:9090/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/program/cli.cjs"]
CMD ["start", "--config", "/etc/sekisho/sekisho.yaml"]
