namespace Ardir.Core;

/// <summary>Loads weights from files into modules and saves them.</summary>
public static class WeightExtensions
{
    /// <summary>Loads weights from a file whose format is recognised by its content (<see cref="StateDict.Read"/>).</summary>
    /// <param name="module">
    /// The network, on any device; not changed unless everything fits (or <see cref="LoadOptions.Strict"/> is off).
    /// </param>
    /// <param name="path">The file.</param>
    /// <param name="options">Options; strict when null.</param>
    /// <returns>The outcome for every entry.</returns>
    /// <exception cref="WeightFormatException">
    /// The file is damaged or of another kind, or strict loading found differences, which the message lists.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static LoadReport LoadWeights(this nn.Module module, string path, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var weights = StateDict.Read(path);
        return Load(module, weights, options ?? new LoadOptions(), path);
    }

    /// <summary>Loads weights that were read before.</summary>
    /// <param name="module">The network.</param>
    /// <param name="weights">The weights, which stay owned by the caller.</param>
    /// <param name="options">Options; strict when null.</param>
    /// <returns>The outcome for every entry.</returns>
    /// <exception cref="WeightFormatException">Strict loading found differences, which the message lists.</exception>
    public static LoadReport LoadWeights(this nn.Module module, StateDict weights, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(weights);
        return Load(module, weights, options ?? new LoadOptions(), "The weights");
    }

    /// <summary>Writes all parameters and buffers as safetensors. An incomplete file never appears at the path.</summary>
    /// <param name="module">The network.</param>
    /// <param name="path">The file; its folder is created if it does not exist.</param>
    /// <exception cref="ArgumentException">
    /// Two entries share memory, which the format cannot express, or an entry has a name that the format reserves or a dtype that it
    /// cannot hold, or there are no entries.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Access to the file is denied, or it exists and is read-only.</exception>
    public static void SaveSafetensors(this nn.Module module, string path)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var scope = NewDisposeScope();
        var state = State(module);
        if (state.ContainsKey("__metadata__"))
            throw new ArgumentException("An entry is called '__metadata__', a name that safetensors reserves. Rename it.", nameof(module));
        RefuseTied(state);
        SafetensorsFile.Write(path, state);
    }

    /// <summary>
    /// Writes all parameters and buffers as torch.save writes a state_dict (zip); PyTorch reads it with <c>weights_only=True</c>. An
    /// incomplete file never appears at the path. A tensor that several entries share is written once for each name.
    /// </summary>
    /// <param name="module">The network.</param>
    /// <param name="path">The file; its folder is created if it does not exist.</param>
    /// <exception cref="ArgumentException">An entry has a type that PyTorch files cannot hold, or there are no entries.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Access to the file is denied, or it exists and is read-only.</exception>
    public static void SaveTorch(this nn.Module module, string path)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var scope = NewDisposeScope();
        TorchZipWriter.Write(path, State(module));
    }

    // A disposed module has no entries. It is refused, because saving it would replace a good file by an empty one.
    private static Dictionary<string, Tensor> State(nn.Module module) => module.state_dict() is { Count: > 0 } state
        ? state
        : throw new ArgumentException(
            $"The module ({module.GetName()}) has no parameters or buffers, or was disposed; there is nothing to save.", nameof(module));

    // Only contiguous tensors on the CPU are compared. Other shared values are written twice, which gives the same weights when loaded.
    private static void RefuseTied(Dictionary<string, Tensor> state)
    {
        var entries = state
            .Where(entry => entry.Value.numel() > 0 && entry.Value.device_type == DeviceType.CPU && entry.Value.is_contiguous())
            .ToList();
        for (var i = 0; i < entries.Count; i++)
        {
            for (var j = i + 1; j < entries.Count; j++)
            {
                if (!entries[i].Value.bytes.Overlaps(entries[j].Value.bytes)) continue;
                throw new ArgumentException(
                    $"'{entries[i].Key}' and '{entries[j].Key}' are one tensor, and safetensors has no aliases. "
                    + "Save a copy in which they are separate, or use SaveTorch.",
                    nameof(state));
            }
        }
    }

    private static LoadReport Load(nn.Module module, StateDict weights, LoadOptions options, string source)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var plan = LoadPlan.Make(module, weights);
        if (options.Strict && !plan.Report.IsComplete)
        {
            throw new WeightFormatException(
                $"{source}: they do not fit the module, which was left as it was: {plan.Report}\n"
                + "If that is intended, load with LoadOptions { Strict = false }.");
        }
        plan.Execute();
        return plan.Report;
    }
}
