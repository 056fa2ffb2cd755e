namespace Ardir.Core;

/// <summary>What a file of weights holds, whatever its format.</summary>
/// <param name="Format">The format as a text to show.</param>
/// <param name="Names">The names in the order of the file.</param>
/// <param name="Tensors">The tensors by name, on the CPU; whoever gets this owns them.</param>
internal sealed record WeightContents(string Format, IReadOnlyList<string> Names, Dictionary<string, Tensor> Tensors)
{
    /// <summary>Texts that the file holds besides the weights.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Entries that were left out, described in words.</summary>
    public IReadOnlyList<string> Omitted { get; init; } = [];
}
