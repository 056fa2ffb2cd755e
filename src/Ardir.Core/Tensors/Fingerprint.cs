using System.Security.Cryptography;
using System.Text;

namespace Ardir.Core;

/// <summary>Short texts to compare data sets or models for equality: the first 64 bits of a SHA-256 over names, dtypes, shapes and
/// values. Two runs that differ in one of them are two runs. The values are read on the host.</summary>
public static class Fingerprint
{
    /// <summary>A text for a model, over the names and values of its weights and buffers.</summary>
    /// <param name="model">The model, on any device.</param>
    /// <returns>16 hexadecimal digits; the type's name for a model that does not show its weights.</returns>
    public static string Of(IModule model) => model is nn.Module module
        ? Of([.. module.state_dict().OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value))])
        : model.GetType().Name;

    /// <summary>A text for tensors over their names, dtypes and shapes, but not their values.</summary>
    /// <param name="tensors">The tensors by name, in any order.</param>
    /// <returns>16 hexadecimal digits.</returns>
    public static string OfShapes(IReadOnlyDictionary<string, Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            hash.AppendData(Describe(name, value));
        return Shorten(hash);
    }

    /// <summary>A text for tensors, over names, dtypes, shapes and values.</summary>
    /// <param name="tensors">Name and value of each, in an order that matters.</param>
    /// <returns>16 hexadecimal digits, the same on every device.</returns>
    public static string Of(params (string Name, Tensor Value)[] tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
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
