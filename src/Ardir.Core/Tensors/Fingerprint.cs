using System.Security.Cryptography;
using System.Text;

namespace Ardir.Core;

/// <summary>Short texts to compare data sets or models for equality: the first 64 bits of a SHA-256 over names, dtypes, shapes and
/// values.</summary>
internal static class Fingerprint
{
    /// <summary>Covers weights and buffers; the type's name for models that do not show them.</summary>
    public static string Of(IModule model) => model is nn.Module module
        ? Of([.. module.state_dict().OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value))])
        : model.GetType().Name;

    /// <summary>Covers names, dtypes and shapes, but not the values.</summary>
    public static string OfShapes(IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            hash.AppendData(Describe(name, value));
        return Shorten(hash);
    }

    public static string Of(params (string Name, Tensor Value)[] tensors)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in tensors)
        {
            hash.AppendData(Describe(name, value));
            if (value.numel() > 0) hash.AppendData(HostRead.OnHost(value).bytes);
        }
        return Shorten(hash);
    }

    private static byte[] Describe(string name, Tensor value) =>
        Encoding.UTF8.GetBytes($"{name} {value.dtype} {TensorGuard.Shape(value)}\n");

    private static string Shorten(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
}
