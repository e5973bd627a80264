#!/usr/bin/env bash
# Installs the operator in the kind cluster that runs, and brings one MaintenanceApi up: what the tutorial does, shorter.
set -euo pipefail

eval "$(npm run --silent cluster -- env --provider kind)"
eval "$(npm run --silent images -- --provider kind)"
kubectl kustomize config/default |
  sed "s|ghcr.io/example/maintenance-api-operator:.*|$OPERATOR_IMAGE|" |
  kubectl apply --server-side -f -
kubectl rollout status -n maintenance-api-system deployment/maintenance-api-operator --timeout=120s
kubectl create namespace shop
kubectl label namespace shop pod-security.kubernetes.io/enforce=restricted
kubectl apply -n shop -k config/namespace
kubectl apply -n shop -f - <<END
apiVersion: maintenance-api.io/v1alpha1
kind: MaintenanceApi
metadata:
  name: tasks
spec:
  image: $API_IMAGE
  database:
    managed:
      image: $MYSQL_IMAGE
END
kubectl wait -n shop maintenanceapi/tasks --for=condition=Ready --timeout=300s
kubectl get -n shop maintenanceapi
