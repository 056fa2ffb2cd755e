using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// A classifier that takes pixels in [0,1]: subtracts a mean, divides by a standard deviation (per channel), then calls the network.
/// Attacks need normalisation inside the model, so that epsilon means pixels.
/// </summary>
/// <example><code>Module ready = new Normalize([0.4914, 0.4822, 0.4465], [0.2471, 0.2435, 0.2616], net);</code></example>
public sealed class Normalize : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> _network;
    private readonly Tensor _mean;
    private readonly Tensor _std;

    /// <summary>Wraps a network.</summary>
    /// <param name="mean">One value per channel, in [0,1] pixel units.</param>
    /// <param name="std">One positive value per channel.</param>
    /// <param name="network">Takes normalised [N,C,H,W]; becomes the child <c>network</c> and is disposed with this module.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty, or a value is not finite or a std not
    /// positive.</exception>
    public Normalize(IReadOnlyList<double> mean, IReadOnlyList<double> std, nn.Module<Tensor, Tensor> network) : base(nameof(Normalize))
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(std);
        ArgumentNullException.ThrowIfNull(network);
        if (mean.Count == 0 || mean.Count != std.Count)
        {
            throw new ArgumentException(
                $"There are {mean.Count} means and {std.Count} standard deviations; expected one of each per channel.", nameof(mean));
        }
        if (!mean.All(double.IsFinite)) throw new ArgumentException("A mean is not finite.", nameof(mean));
        if (!std.All(value => double.IsFinite(value) && value > 0))
            throw new ArgumentException("A standard deviation is not a positive number.", nameof(std));
        (Mean, Std, _network) = ([.. mean], [.. std], network);
        var at = network.parameters().FirstOrDefault();
        var (dtype, device) = (at?.dtype ?? ScalarType.Float32, at?.device ?? CPU);
        // Detached from any dispose scope of the caller, because a module's buffers live as long as the module.
        _mean = tensor(mean.ToArray(), [1, mean.Count, 1, 1], dtype, device).DetachFromDisposeScope();
        _std = tensor(std.ToArray(), [1, std.Count, 1, 1], dtype, device).DetachFromDisposeScope();
        register_module("network", network);
        register_buffer("mean", _mean);
        register_buffer("std", _std);
    }

    /// <summary>Per-channel mean in [0,1] pixel units.</summary>
    public IReadOnlyList<double> Mean { get; private set; }

    /// <summary>Per-channel standard deviation in [0,1] pixel units.</summary>
    public IReadOnlyList<double> Std { get; private set; }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Normalises and calls the network.</summary>
    /// <param name="input">Pixels in [0,1], [N,C,H,W].</param>
    /// <returns>The network's output.</returns>
    /// <exception cref="ArgumentException">The number of channels is not that of the mean.</exception>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 4 || input.shape[1] != Mean.Count)
        {
            throw new ArgumentException(
                $"input has shape {TensorGuard.Shape(input)}; this normalisation is for [N,{Mean.Count},H,W].", nameof(input));
        }
        using var centred = input - get_buffer("mean")!;
        using var normalised = centred / get_buffer("std")!;
        return _network.call(normalised);
    }

    /// <summary>Replaces mean and standard deviation by values that were stored with weights, one of each per channel.</summary>
    internal void Configure(double[] mean, double[] std)
    {
        using var scope = NewDisposeScope();
        get_buffer("mean")!.copy_(tensor(mean, [1, mean.Length, 1, 1], device: CPU));
        get_buffer("std")!.copy_(tensor(std, [1, std.Length, 1, 1], device: CPU));
        (Mean, Std) = (mean, std);
    }
}
