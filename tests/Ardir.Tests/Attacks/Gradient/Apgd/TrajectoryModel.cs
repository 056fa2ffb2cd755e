namespace Ardir.Tests;

/// <summary>The network of Goldens/trajectories.json with its images and labels.</summary>
internal sealed class TrajectoryModel : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> _network;

    private TrajectoryModel(GoldenFile golden, ScalarType dtype) : base(nameof(TrajectoryModel))
    {
        var (convolution, linear) = (nn.Conv2d(1, 4, 3, padding: 1L), nn.Linear(64, 6));
        _network = nn.Sequential(convolution, nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), linear);
        _network.to(dtype);
        using (no_grad())
        {
            convolution.weight!.copy_(golden.Tensor("weights/conv.weight"));
            convolution.bias!.copy_(golden.Tensor("weights/conv.bias"));
            linear.weight!.copy_(golden.Tensor("weights/fc.weight"));
            linear.bias!.copy_(golden.Tensor("weights/fc.bias"));
        }
        Images = golden.Tensor("x").to(dtype);
        Labels = golden.Classes("y");
        RegisterComponents();
    }

    public Tensor Images { get; }

    public Tensor Labels { get; }

    public static TrajectoryModel Load(GoldenFile golden, ScalarType dtype) => new(golden, dtype);

    public override Tensor forward(Tensor input) => _network.call(input);
}
