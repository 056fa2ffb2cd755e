namespace Ardir.Core;

/// <summary>Weights from files into modules and back.</summary>
public static class WeightExtensions
{
    /// <summary>Loads weights from a file whose format is recognised by its content (<see cref="StateDict.Read"/>).</summary>
    /// <param name="module">The network, on any device; not changed unless everything fits (or <see cref="LoadOptions.Strict"/> is off).</param>
    /// <param name="path">The file.</param>
    /// <param name="options">Options; strict when null.</param>
    /// <returns>What became of every entry.</returns>
    /// <exception cref="WeightFormatException">The file is damaged or of another kind, or strict loading found differences, which the message lists.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static LoadReport LoadWeights(this nn.Module module, string path, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var weights = StateDict.Read(path);
        return Load(module, weights, options ?? new LoadOptions(), path);
    }

    /// <summary>Loads weights that were read before.</summary>
    /// <param name="module">The network.</param>
    /// <param name="weights">The weights, which stay the caller's.</param>
    /// <param name="options">Options; strict when null.</param>
    /// <returns>What became of every entry.</returns>
    /// <exception cref="WeightFormatException">Strict loading found differences, which the message lists.</exception>
    public static LoadReport LoadWeights(this nn.Module module, StateDict weights, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(weights);
        return Load(module, weights, options ?? new LoadOptions(), "The weights");
    }

    /// <summary>Writes all parameters and buffers as safetensors. The file appears whole or not at all.</summary>
    /// <param name="module">The network.</param>
    /// <param name="path">The file; its folder is made if need be.</param>
    /// <exception cref="ArgumentException">Two entries are one tensor, which the format cannot say, or an entry has a name it reserves, or there are no entries.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written, or exists and is read-only.</exception>
    public static void SaveSafetensors(this nn.Module module, string path)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var scope = NewDisposeScope();
        var state = State(module);
        if (state.ContainsKey("__metadata__")) throw new ArgumentException("An entry is called '__metadata__', a name that safetensors reserves. Rename it.", nameof(module));
        RefuseTied(state);
        SafetensorsFile.Write(path, state);
    }

    /// <summary>Writes all parameters and buffers as torch.save writes a state_dict (zip); PyTorch reads it with <c>weights_only=True</c>. The file appears whole or
    /// not at all. Entries that are one tensor are written once for each name.</summary>
    /// <param name="module">The network.</param>
    /// <param name="path">The file; its folder is made if need be.</param>
    /// <exception cref="ArgumentException">An entry has a type that PyTorch files cannot hold, or there are no entries.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written, or exists and is read-only.</exception>
    public static void SaveTorch(this nn.Module module, string path)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var scope = NewDisposeScope();
        TorchZipWriter.Write(path, State(module));
    }

    // A disposed module has no entries: what it had was to be saved, not an empty file in the place of a good one.
    private static Dictionary<string, Tensor> State(nn.Module module) => module.state_dict() is { Count: > 0 } state
        ? state
        : throw new ArgumentException($"The module ({module.GetName()}) has no parameters or buffers, or was disposed; there is nothing to save.", nameof(module));

    // On other devices a tie is written twice, which loads the same.
    private static void RefuseTied(Dictionary<string, Tensor> state)
    {
        var entries = state.Where(entry => entry.Value.numel() > 0 && entry.Value.device_type == DeviceType.CPU && entry.Value.is_contiguous()).ToList();
        for (var i = 0; i < entries.Count; i++)
            for (var j = i + 1; j < entries.Count; j++)
                if (entries[i].Value.bytes.Overlaps(entries[j].Value.bytes))
                    throw new ArgumentException($"'{entries[i].Key}' and '{entries[j].Key}' are one tensor, and safetensors has no aliases. Save a copy in which they are separate, or use SaveTorch.", nameof(state));
    }

    private static LoadReport Load(nn.Module module, StateDict weights, LoadOptions options, string source)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var plan = LoadPlan.Make(module, weights);
        if (options.Strict && !plan.Report.IsComplete)
            throw new WeightFormatException($"{source}: they do not fit the module, which was left as it was: {plan.Report}\nIf that is intended, load with LoadOptions {{ Strict = false }}.");
        plan.Execute();
        return plan.Report;
    }
}
