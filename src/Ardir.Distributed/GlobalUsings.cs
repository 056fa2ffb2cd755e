global using Ardir.Core;
