using System.CommandLine;

namespace Ardir.Samples;

/// <summary><c>quickstart</c>: from images to a robust student, and the proof.</summary>
internal static class QuickstartCommand
{
    public static Command Create()
    {
        var standard = new QuickstartSettings { Output = "" };
        var data = Options.Folder(
            "--data", "Folder with the four idx files of Fashion-MNIST; the 12,000 images shipped with the samples when left out");
        var output = Options.Output("Folder for checkpoints and the report", "ardir-quickstart");
        var seed = Options.Seed(standard.Seed);
        var epochs = Options.Whole("--epochs", "Epochs of teacher and student", standard.Epochs);
        var beta = Options.Share("--beta", "Share of the feature distance in the student's loss, 0 to 1", standard.Beta);
        var device = Options.Device();
        var command = new Command("quickstart",
            "Trains a standard model, a robust teacher and an ARDIR student, attacks all three and writes a report. "
                + "Minutes on two CPU cores; how many, it says after its first epoch.")
        {
            data, output, seed, epochs, beta, device,
        };
        command.SetAction((arguments, cancellation) => Job.Start(arguments.GetValue(output), () => new Quickstart(new QuickstartSettings
        {
            Data = arguments.GetValue(data),
            Output = arguments.GetValue(output)!,
            Seed = arguments.GetValue(seed),
            Epochs = arguments.GetValue(epochs),
            Beta = arguments.GetValue(beta),
            Device = ComputeDevice.Open(arguments.GetValue(device)!),
        }).Run(cancellation)));
        return command;
    }
}
