using Microsoft.CodeAnalysis;

namespace Ardir.Mutation;

/// <summary>What a node becomes, and how the change reads.</summary>
internal readonly record struct Replacement(SyntaxNode Node, string Change);
