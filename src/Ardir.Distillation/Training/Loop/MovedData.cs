using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The data sets on the training device: the caller's own when they are there already, otherwise copies that live as long as
/// the run. With <c>keepOnHost</c>, data sets on the CPU stay there and are sent batch by batch.</summary>
internal sealed class MovedData : IDisposable
{
    private readonly List<ImageDataset> _copies = [];

    private readonly bool _keepOnHost;

    public MovedData(ImageDataset train, ImageDataset? validation, Device device, bool keepOnHost = false)
    {
        _keepOnHost = keepOnHost;
        Train = On(train, device);
        Validation = validation is null ? null : ReferenceEquals(validation, train) ? Train : On(validation, device);
    }

    public ImageDataset Train { get; }

    public ImageDataset? Validation { get; }

    public void Dispose()
    {
        foreach (var copy in _copies) copy.Dispose();
    }

    private ImageDataset On(ImageDataset data, Device device)
    {
        if (_keepOnHost && data.Device.type == DeviceType.CPU) return data;
        if (data.Device.type == device.type && (data.Device.index == device.index || device.type == DeviceType.CPU)) return data;
        var copy = data.To(device);
        _copies.Add(copy);
        return copy;
    }
}
