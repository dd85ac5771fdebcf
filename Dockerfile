# What the final image runs, built with the development dependencies.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json prisma.config.ts ./
COPY prisma prisma
COPY providers providers
COPY scripts scripts
COPY src src
RUN npm run build

# Production dependencies. npm would keep the Prisma CLI and TypeScript, 260 MB, as optional peers of @prisma/client;
# it lets them go once package.json does not ask for them.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts \
 && npm pkg delete devDependencies \
 && npm prune --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production \
    AUTH_DATA_DIR=/data
WORKDIR /app
# Only the embedded database and its secret live here; with DATABASE_URL nothing is written at all.
RUN install -d -o node -g node -m 0700 /data
VOLUME /data
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY prisma prisma
COPY pages pages
COPY package.json ./
# The user "node" of the base image, by number, so that Kubernetes can tell that it is not root.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# `docker run … claimgate user list` and the like run the other commands.
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["serve"]
