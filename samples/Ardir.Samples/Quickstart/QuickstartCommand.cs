using System.CommandLine;

namespace Ardir.Samples;

/// <summary><c>quickstart</c>: from images to robust students, and how robust they are.</summary>
internal static class QuickstartCommand
{
    public static Command Create()
    {
        var standard = new QuickstartSettings { Output = "" };
        var data = Options.Folder(
            "--data", "Folder with the four idx files of Fashion-MNIST; the 12,000 images shipped with the samples when left out");
        var output = Options.Output("Folder for checkpoints and the report", "ardir-quickstart");
        var seed = Options.Seed(standard.Seed);
        var images = Options.Whole("--images", "Training images, drawn at random", standard.Images);
        var epochs = Options.Whole("--epochs", "Epochs of each network", standard.Epochs);
        var beta = Options.Share("--beta", "Share of the feature distance in the loss of the ARDIR student, 0 to 1", standard.Beta);
        var device = Options.Device();
        var command = new Command("quickstart",
            "Trains a standard model, a robust teacher, an ARD and an ARDIR student from equal weights, attacks them and writes a report. "
                + "Minutes on two CPU cores; how many, it says after its first epoch.")
        {
            data, output, seed, images, epochs, beta, device,
        };
        command.SetAction((arguments, cancellation) => Job.Start(arguments.GetValue(output), () => new Quickstart(new QuickstartSettings
        {
            Data = arguments.GetValue(data),
            Output = arguments.GetValue(output)!,
            Seed = arguments.GetValue(seed),
            Images = arguments.GetValue(images),
            Epochs = arguments.GetValue(epochs),
            Beta = arguments.GetValue(beta),
            Device = ComputeDevice.Open(arguments.GetValue(device)!),
        }).Run(cancellation)));
        return command;
    }
}
