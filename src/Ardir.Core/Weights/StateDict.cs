using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Ardir.Core;

/// <summary>Names and weights read from a file. Owns its tensors, all on the CPU. Nothing in a file is ever executed.</summary>
/// <example><code>
/// using var weights = StateDict.Read("checkpoint.safetensors");
/// foreach (var (name, tensor) in weights) Console.WriteLine($"{name} {tensor.dtype}");
/// </code></example>
[SuppressMessage("Naming", "CA1710", Justification = "PyTorch users know it by this name.")]
public sealed class StateDict : IReadOnlyDictionary<string, Tensor>, IDisposable
{
    private readonly WeightContents _contents;
    private bool _disposed;

    private StateDict(WeightContents contents) => _contents = contents;

    /// <summary>The file format as a text to show: "safetensors", "torch zip" or "torch legacy".</summary>
    public string Format => _contents.Format;

    /// <summary>Texts that the file holds besides the weights; empty for formats that have none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _contents.Metadata;

    /// <summary>
    /// Entries of a torch file that were left out, each with its kind: <c>epoch (a number)</c>, <c>optimizer (a dictionary of 2)</c>,
    /// <c>args (an object: argparse.Namespace)</c>. At most 1,000 are listed. The file does not show whether the network needs any of them:
    /// an object may hold tensors of its own.
    /// </summary>
    /// <value>Empty when there is nothing else, and for safetensors, which hold only tensors.</value>
    public IReadOnlyList<string> Omitted => _contents.Omitted;

    /// <summary>Names in the order of the file.</summary>
    /// <exception cref="ObjectDisposedException">The weights were disposed.</exception>
    public IEnumerable<string> Keys => Alive.Names;

    /// <summary>Tensors in the order of <see cref="Keys"/>.</summary>
    /// <exception cref="ObjectDisposedException">The weights were disposed.</exception>
    public IEnumerable<Tensor> Values => Alive.Names.Select(name => Alive.Tensors[name]);

    /// <summary>How many entries there are.</summary>
    /// <exception cref="ObjectDisposedException">The weights were disposed.</exception>
    public int Count => Alive.Names.Count;

    /// <summary>A tensor, which stays owned by this object.</summary>
    /// <param name="key">Its name.</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    /// <exception cref="ObjectDisposedException">The weights were disposed.</exception>
    public Tensor this[string key] => Alive.Tensors.TryGetValue(key, out var tensor)
        ? tensor
        : throw new KeyNotFoundException(
            $"The file has no '{key}'; it has {string.Join(", ", Keys.Take(5))}{(Count > 5 ? ", ..." : "")}.");

    private WeightContents Alive
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _contents;
        }
    }

    /// <summary>
    /// Reads a file, whose format is recognised by its content: safetensors, torch.save since PyTorch 1.6 (zip) or before (legacy).
    /// Checkpoints that keep the weights under <c>state_dict</c>, <c>net</c>, <c>model</c>, <c>model_state_dict</c>, <c>swa_state_dict</c>,
    /// <c>ema</c>, <c>last</c> or <c>best</c> (the first of these that is there), or under any other single name, are unwrapped.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Options; the defaults when null.</param>
    /// <returns>Its weights, owned by the caller.</returns>
    /// <exception cref="WeightFormatException">
    /// The file is damaged, hostile or of another kind; the message says what it is and what to do.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Access to the file is denied.</exception>
    public static StateDict Read(string path, StateDictOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new StateDict(WeightFile.Read(path, (options ?? new StateDictOptions()).Strict));
    }

    /// <inheritdoc/>
    public bool ContainsKey(string key) => Alive.Tensors.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out Tensor value) => Alive.Tensors.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() =>
        Alive.Names.Select(name => KeyValuePair.Create(name, Alive.Tensors[name])).GetEnumerator();

    /// <summary>Releases the tensors.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (var tensor in _contents.Tensors.Values) tensor.Dispose();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
